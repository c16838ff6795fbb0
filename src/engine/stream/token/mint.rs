//! Tokens that we make ourselves: a JWT signed with a secret that both sides know.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Map, Value};

use super::local::variable;
use super::{Means, TokenTrouble, in_base64};

/// How a token is made, as HS256.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The variable that holds the secret.
    pub variable: String,
    /// What the token says, beside `iat` and `exp`.
    pub claims: Map<String, Value>,
    /// How long it is good for.
    pub lifetime: Duration,
}

impl Mint {
    /// Puts what differs between users into the claims that are texts.
    pub fn fill(&mut self, fill: impl Fn(&str) -> String) {
        for claim in self.claims.values_mut() {
            if let Value::String(text) = claim {
                *text = fill(text);
            }
        }
    }

    pub(super) fn make(&self, means: &Means) -> Result<String, TokenTrouble> {
        let secret = variable(&self.variable, means)?;
        Ok(self.signed(secret.trim().as_bytes(), SystemTime::now()))
    }

    fn signed(&self, secret: &[u8], now: SystemTime) -> String {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut claims = self.claims.clone();
        // What the configuration says itself counts, wrong as it may be: that is how refusals are tried out.
        claims.entry("iat").or_insert_with(|| now.as_secs().into());
        claims.entry("exp").or_insert_with(|| (now + self.lifetime).as_secs().into());
        let said =
            format!("{}.{}", in_base64(r#"{"alg":"HS256","typ":"JWT"}"#), in_base64(Value::Object(claims).to_string()));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), said.as_bytes());
        format!("{said}.{}", in_base64(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result was made with PyJWT, which serializes the claims in the same order.
    #[test]
    fn a_token_is_signed_as_others_sign_it() {
        let claims = serde_json::from_str(r#"{"sub":"u1","permissions":["read"]}"#).expect("an object");
        let mint = Mint { variable: "SECRET".into(), claims, lifetime: Duration::from_secs(900) };
        let token = mint.signed(b"a-secret-of-the-lab-for-tests-only", UNIX_EPOCH + Duration::from_secs(1_000));
        assert_eq!(
            token,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE5MDAsImlhdCI6MTAwMCwicGVybWlzc2lvbnMiOlsicmVhZCJdLCJzdWIiOiJ1MSJ9.aWXqYmzQcMcQjKhNMa3LQVEQMUjRwLfID54qwVfZNfc"
        );
    }
}
