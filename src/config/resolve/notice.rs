//! The command that is given notices.

use super::Resolver;
use crate::config::project::HookSpec;

impl Resolver<'_> {
    pub(super) fn hook(&mut self) -> Option<HookSpec> {
        let hook = self.settings.notice.hook.as_ref()?;
        let path = "notice.hook";
        let command = self.command(path, "argv", &hook.argv, &hook.env, hook.directory.as_ref());
        Some(HookSpec { command, timeout: self.wait(&format!("{path}.timeout"), hook.timeout) })
    }
}
