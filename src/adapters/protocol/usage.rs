//! What a message says was used up: tokens and money, in the spellings of the model providers.
//!
//! Only words that nobody uses for anything else count: agents talk about costs and tokens of other things too.

use serde_json::{Map, Value};

use crate::domain::Usage;

/// How deep in a message it is looked for.
const DEEPEST: usize = 5;
/// The names of the object that tells it.
const TOLD_IN: [&str; 5] = ["usage", "usage_metadata", "usageMetadata", "token_usage", "tokenUsage"];
const INPUT: &[&str] =
    &["input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "promptTokenCount", "tokens_in"];
const OUTPUT: &[&str] =
    &["output_tokens", "completion_tokens", "outputTokens", "completionTokens", "candidatesTokenCount", "tokens_out"];
const TOTAL: &[&str] = &["total_tokens", "totalTokens", "totalTokenCount", "tokens_used", "tokensUsed"];
const COST: &[&str] = &["cost_usd", "total_cost_usd", "costUsd", "totalCostUsd"];
/// What counts inside of such an object alone.
const COST_INSIDE: &[&str] = &["cost", "total_cost", "totalCost"];

/// What a message says was used up. Nearly all say nothing, and are not even read for it.
pub(super) fn of(text: &str) -> Usage {
    let tells = ["oken", "ost_usd", "ostUsd"].iter().any(|word| text.contains(word));
    match tells.then(|| serde_json::from_str::<Value>(text)) {
        Some(Ok(Value::Object(message))) => find(&message, 0).unwrap_or_default(),
        _ => Usage::default(),
    }
}

fn find(object: &Map<String, Value>, depth: usize) -> Option<Usage> {
    let told = TOLD_IN.iter().find_map(|name| object.get(*name)).map(|told| match told {
        // AG-UI tells one for each model that took part.
        Value::Array(models) => {
            let each = models.iter().filter_map(Value::as_object).map(|inside| used(inside, object));
            each.fold(Usage::default(), |mut sum, one| {
                sum.add(one);
                sum
            })
        }
        Value::Object(inside) => used(inside, object),
        _ => Usage::default(),
    });
    let told = told.filter(|usage| !usage.is_empty()).or_else(|| {
        let total = number(object, TOTAL).unwrap_or(0);
        Some(Usage { tokens: total, cost: money(object, COST).unwrap_or(0), ..Usage::default() })
    });
    told.filter(|usage| !usage.is_empty()).or_else(|| {
        let deeper = object.values().filter(|_| depth < DEEPEST).filter_map(Value::as_object);
        deeper.into_iter().find_map(|inner| find(inner, depth + 1))
    })
}

fn used(inside: &Map<String, Value>, message: &Map<String, Value>) -> Usage {
    let cost = money(inside, COST).or_else(|| money(inside, COST_INSIDE)).or_else(|| money(message, COST));
    Usage { cost: cost.unwrap_or(0), ..tokens(inside, message) }
}

fn tokens(told: &Map<String, Value>, message: &Map<String, Value>) -> Usage {
    let input = number(told, INPUT).unwrap_or(0);
    // What a beginning writes is told again, in full, by the end.
    let begins = message.get("stop_reason").is_some_and(Value::is_null);
    let output = number(told, OUTPUT).filter(|_| !begins).unwrap_or(0);
    let sum = input.saturating_add(output);
    Usage { input, output, tokens: number(told, TOTAL).unwrap_or(0).max(sum), cost: 0 }
}

fn number(object: &Map<String, Value>, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| object.get(*name)?.as_u64())
}

fn money(object: &Map<String, Value>, names: &[&str]) -> Option<u64> {
    let amount = names.iter().find_map(|name| object.get(*name)?.as_f64())?;
    (amount.is_finite() && amount > 0.0).then(|| (amount * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, (input, output, tokens, cost): (u64, u64, u64, u64)) {
        assert_eq!(of(text), Usage { input, output, tokens, cost }, "{text}");
    }

    #[test]
    fn every_provider_has_its_own_words() {
        check(
            r#"{"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":3,"total_tokens":10}}}"#,
            (7, 3, 10, 0),
        );
        check(r#"{"type":"message_delta","usage":{"output_tokens":15}}"#, (0, 15, 15, 0));
        check(
            r#"{"type":"RUN_FINISHED","usage":[{"inputTokens":7,"outputTokens":3},{"inputTokens":1,"outputTokens":1}]}"#,
            (8, 4, 12, 0),
        );
        check(r#"{"message":{"stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}"#, (25, 0, 25, 0));
        check(r#"{"payload":{"usage":{"prompt_tokens":5,"completion_tokens":6,"cost":0.0042}}}"#, (5, 6, 11, 4200));
        check(r#"{"payload":{"result":{"tokens_used":1500,"cost_usd":0.03}}}"#, (0, 0, 1500, 30_000));
    }

    #[test]
    fn what_agents_talk_about_is_not_what_they_used() {
        check(r#"{"payload":{"result":{"cost":12000,"tokens":["a"],"max_tokens":4096}}}"#, (0, 0, 0, 0));
        check(r#"{"usage":null,"cost_usd":-3}"#, (0, 0, 0, 0));
        check("cost_usd", (0, 0, 0, 0));
    }
}
