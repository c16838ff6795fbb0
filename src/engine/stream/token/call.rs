//! Tokens that a server hands out.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::timeout;

use super::local::variable;
use super::{HeaderSource, LONGEST, Means, TokenCall, TokenTrouble, without_query};
use crate::engine::http::chain;

impl TokenCall {
    pub(super) async fn make(&self, means: &Means) -> Result<String, TokenTrouble> {
        let place = without_query(&self.url);
        let wrong =
            |what: String, what_to_do: &str| TokenTrouble { what, what_to_do: what_to_do.into(), may_pass: false };
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| wrong(format!("{} is no HTTP method", self.method), "write GET or POST"))?;
        let mut request = means.http.client.request(method, &self.url).headers(self.headers(means)?);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let answer = timeout(self.deadline, async {
            let mut answer = request.send().await?;
            let status = answer.status();
            let mut body = Vec::new();
            // What came before the connection broke is still worth showing.
            while let Ok(Some(chunk)) = answer.chunk().await
                && body.len() as u64 <= LONGEST
            {
                body.extend_from_slice(&chunk);
            }
            Ok::<_, reqwest::Error>((status, body))
        });
        let (status, body) = match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return Err(TokenTrouble {
                    what: format!("{place} gave no token: {}", means.secrets.shown(&chain(&error))),
                    what_to_do: "see whether that service is up".into(),
                    may_pass: !error.is_builder(),
                });
            }
            Err(_) => {
                return Err(TokenTrouble {
                    what: format!("{place} gave no token within {} s", self.deadline.as_secs_f32()),
                    what_to_do: "see whether that service is up".into(),
                    may_pass: true,
                });
            }
        };
        if !status.is_success() {
            let said: String = means.secrets.shown(&String::from_utf8_lossy(&body)).chars().take(2000).collect();
            return Err(TokenTrouble {
                what: format!("{place} answered {status}: {said}"),
                what_to_do: "check the headers and the body of the token call".into(),
                may_pass: status.is_server_error() || matches!(status.as_u16(), 408 | 429),
            });
        }
        // The answer can hold further secrets, so that nothing of it is shown here.
        serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|answer| Some(answer.pointer(&self.pointer)?.as_str()?.to_string()))
            .ok_or_else(|| {
                wrong(format!("the answer of {place} has no text at {}", self.pointer), "correct the pointer")
            })
    }

    fn headers(&self, means: &Means) -> Result<HeaderMap, TokenTrouble> {
        let mut headers = HeaderMap::new();
        if self.body.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        for (name, source) in &self.headers {
            let value = match source {
                HeaderSource::Text(text) => text.clone(),
                HeaderSource::Variable(variable_name) => variable(variable_name, means)?,
            };
            match (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
                (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
                _ => {
                    return Err(TokenTrouble {
                        what: format!("the header {name} of the token call cannot be sent"),
                        what_to_do: "take line breaks and other odd characters out of it".into(),
                        may_pass: false,
                    });
                }
            }
        }
        Ok(headers)
    }
}
