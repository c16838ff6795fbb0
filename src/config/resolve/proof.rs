//! On which rung of proof a deploy is live, and whether that rung can be reached at all.

use super::Resolver;
use crate::config::settings::{LiveAt, ServiceSettings};
use crate::domain::Rung;

/// How many surfaces a service may have: all of them are asked in each round of the proof.
const MOST: usize = 32;

impl From<LiveAt> for Rung {
    fn from(live_at: LiveAt) -> Self {
        match live_at {
            LiveAt::ControlPlane => Self::ControlPlane,
            LiveAt::DataPlane => Self::DataPlane,
            LiveAt::EverySurface => Self::EverySurface,
        }
    }
}

impl Resolver<'_> {
    /// The other addresses of a service; what was asked for and cannot be shown is said.
    pub(super) fn surfaces(&mut self, name: &str, path: &str, service: &ServiceSettings) -> Vec<String> {
        let at = format!("{path}.surfaces");
        let surfaces: Vec<String> =
            service.surfaces.iter().map(|surface| self.url(&at, surface, &["http", "https"])).collect();
        if surfaces.len() > MOST {
            self.mistake(&at, format!("names {} surfaces: {MOST} are enough for anybody", surfaces.len()));
        }
        if !surfaces.is_empty() && service.revision.is_none() {
            self.mistake(&at, "cannot be asked: nothing says where their answers name the revision")
                .hint(format!("add [service.{name}.revision.http]"));
        }
        self.check_live_at(name, path, service);
        surfaces
    }

    fn check_live_at(&mut self, name: &str, path: &str, service: &ServiceSettings) {
        let Some((deploy, live_at)) = service.deploy.as_ref().and_then(|deploy| Some((deploy, deploy.proof.live_at?)))
        else {
            return;
        };
        let mut streams = self.settings.stream.values();
        let has_surfaces = !service.surfaces.is_empty()
            || streams.any(|stream| stream.value.revision.is_some() && stream.value.service.as_deref() == Some(name));
        let (problem, hint) = match live_at {
            LiveAt::ControlPlane if !deploy.has_platform() => {
                ("no platform is configured that could say so", format!("add [{path}.deploy.cloud_run] or another"))
            }
            LiveAt::DataPlane | LiveAt::EverySurface if service.revision.is_none() => {
                ("nothing says how the revision is asked", format!("add [{path}.revision.http]"))
            }
            LiveAt::EverySurface if !has_surfaces => (
                "it has no other surface",
                format!("add surfaces to [{path}], or [stream.NAME.revision] to its stream"),
            ),
            LiveAt::ControlPlane | LiveAt::DataPlane | LiveAt::EverySurface => return,
        };
        self.mistake(&format!("{path}.deploy.proof.live_at"), format!("can never be reached: {problem}")).hint(hint);
    }
}
