//! Health probes over HTTP: paths, statuses and what the answers have to hold.

use super::{Resolver, url};
use crate::config::probe::{HttpAsk, HttpProbe, JsonCondition, Wanted, WebsocketProbe};
use crate::config::settings::{ConditionSettings, HttpHealthSettings, WebsocketHealthSettings};

impl Resolver<'_> {
    pub(super) fn http_probe(&mut self, path: &str, base: &str, http: &HttpHealthSettings) -> HttpProbe {
        self.statuses(path, &http.status);
        let mut asks = vec![self.http_ask(&format!("{path}.path"), base, &http.path)];
        for (n, ready) in http.ready.iter().enumerate() {
            let place = format!("{path}.ready.{n}");
            let ask = self.http_ask(&place, base, ready);
            if !ask.path.is_empty() && asks.iter().any(|other| other.path == ask.path) {
                self.mistake(&place, format!("`{}` is asked already", ask.path));
            }
            asks.push(ask);
        }
        if http.equals.is_some() && http.pointer.is_none() {
            self.mistake(&format!("{path}.equals"), "does not say where to look").hint("add pointer = \"/status\"");
        }
        if let Some(pointer) = &http.pointer {
            let equals = http.equals.as_ref().map(|equals| self.text(&format!("{path}.equals"), equals));
            let wanted = equals.map_or(Wanted::Something, |equals| Wanted::OneOf(vec![equals]));
            let pointer = self.pointer(&format!("{path}.pointer"), pointer);
            asks[0].conditions.push(JsonCondition { pointer, wanted });
        }
        for (n, condition) in http.conditions.iter().enumerate() {
            self.condition(&format!("{path}.conditions.{n}"), condition, &mut asks);
        }
        HttpProbe { asks, status: http.status.clone(), headers: self.headers(path, &http.headers) }
    }

    pub(super) fn websocket_probe(
        &mut self,
        path: &str,
        base: &str,
        websocket: &WebsocketHealthSettings,
    ) -> WebsocketProbe {
        self.statuses(path, &websocket.status);
        let subprotocols = websocket.subprotocols.iter().enumerate();
        WebsocketProbe {
            url: url::as_websocket(&self.probe_url(&format!("{path}.path"), base, &websocket.path)),
            status: websocket.status.clone(),
            subprotocols: subprotocols
                .map(|(n, protocol)| self.public_text(&format!("{path}.subprotocols.{n}"), protocol))
                .collect(),
            headers: self.headers(path, &websocket.headers),
        }
    }

    fn http_ask(&mut self, place: &str, base: &str, template: &crate::config::template::Template) -> HttpAsk {
        let url = self.probe_url(place, base, template);
        let path = url.strip_prefix(base.trim_end_matches('/')).unwrap_or(&url).to_owned();
        HttpAsk { path, url, conditions: Vec::new() }
    }

    fn condition(&mut self, path: &str, settings: &ConditionSettings, asks: &mut [HttpAsk]) {
        let pointer = self.pointer(&format!("{path}.pointer"), &settings.pointer);
        let equals = settings.equals.as_ref().map(|equals| self.text(&format!("{path}.equals"), equals));
        let mut words: Vec<String> = Vec::new();
        for (n, word) in settings.one_of.iter().enumerate() {
            words.push(self.text(&format!("{path}.one_of.{n}"), word));
        }
        for (key, bound) in [("at_least", settings.at_least), ("at_most", settings.at_most)] {
            if bound.is_some_and(|bound| !bound.is_finite()) {
                self.mistake(&format!("{path}.{key}"), "is no number to compare with");
            }
        }
        if let (Some(least), Some(most)) = (settings.at_least, settings.at_most)
            && least > most
        {
            self.mistake(&format!("{path}.at_least"), format!("no number is at least {least} and at most {most}"));
        }
        let has_bounds = settings.at_least.is_some() || settings.at_most.is_some();
        let kinds = [equals.is_some(), !words.is_empty(), has_bounds];
        if kinds.into_iter().filter(|&is_given| is_given).count() > 1 {
            self.mistake(path, "asks for more than one kind of thing")
                .hint("keep `equals`, `one_of`, or `at_least` and `at_most`; or write two conditions");
        }
        let wanted = match equals {
            Some(equals) => Wanted::OneOf(vec![equals]),
            None if !words.is_empty() => Wanted::OneOf(words),
            None if has_bounds => Wanted::Within { at_least: settings.at_least, at_most: settings.at_most },
            None => Wanted::Something,
        };
        let of = settings.path.as_ref().map(|of| self.public_text(&format!("{path}.path"), of));
        let n = of.as_ref().map_or(Some(0), |of| asks.iter().position(|ask| ask.path == *of));
        match n {
            Some(n) => asks[n].conditions.push(JsonCondition { pointer, wanted }),
            None => {
                self.mistake(&format!("{path}.path"), format!("`{}` is not asked", of.unwrap_or_default()))
                    .hint("it has to be `path` or one of `ready`");
            }
        }
    }

    fn statuses(&mut self, path: &str, statuses: &[u16]) {
        for (index, status) in statuses.iter().enumerate() {
            self.range(&format!("{path}.status.{index}"), *status, 100..=599);
        }
        if statuses.is_empty() {
            self.mistake(&format!("{path}.status"), "no status would count as healthy");
        }
    }
}
