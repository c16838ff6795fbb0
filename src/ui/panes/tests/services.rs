//! The deploy pane and the table of services, in each of their states.

use super::{check, view};
use crate::ui::fixture::Story;
use crate::ui::fixture::services as stories;
use crate::ui::view::{Pane, ViewState};

fn check_all(name: &str, story: &Story, sizes: &[(u16, u16)]) {
    let deploy = ViewState { focus: Pane::Deploys, ..view() };
    for size in sizes {
        check(name, story, &deploy, *size);
    }
}

#[test]
fn a_deploy_against_those_before_it() {
    check_all("deploying", &stories::deploying(), &[(80, 24), (120, 40), (200, 60)]);
    check_all("deploy-stuck", &stories::stuck(), &[(80, 24), (160, 45)]);
    check_all("deploy-proved", &stories::proved(), &[(80, 24), (120, 40)]);
}

#[test]
fn what_a_platform_says_of_a_deploy() {
    check_all("deploy-split", &stories::split(), &[(80, 24), (120, 40)]);
    check_all("deploy-refused", &stories::refused_by_platform(), &[(80, 24), (200, 60)]);
}

#[test]
fn services_as_a_table() {
    check_all("services-in-trouble", &stories::in_trouble(), &[(80, 24), (120, 40), (200, 60)]);
    check_all("services-unknown", &stories::unknown(), &[(80, 24), (160, 45)]);
}

#[test]
fn a_tall_screen_shows_the_table_at_any_time() {
    check("services-tall", &stories::in_trouble(), &view(), (200, 60));
}
