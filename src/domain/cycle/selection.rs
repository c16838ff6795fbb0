//! Which tests a selection means, by runner, and how it is called.

use crate::domain::command::Selection;
use crate::domain::effect::Wanted;
use crate::domain::{RunnerId, State, TestId, Text, Unproved};

impl State {
    /// The wanted tests by runner; `None` stands for everything that the runner finds.
    pub(super) fn select(&self, selection: &Selection) -> Vec<(RunnerId, Option<Vec<TestId>>)> {
        let tests: Vec<TestId> = match selection {
            Selection::All => {
                return (0..self.session.project.runners.len()).map(|n| (RunnerId(n as u32), None)).collect();
            }
            Selection::Module(id) => self.inventory.module(*id).map(|module| module.tests.clone()).unwrap_or_default(),
            Selection::Tests(tests) => tests.clone(),
            Selection::Failures => self.inventory.unproved().collect(),
            Selection::Stale => self.inventory.stale().collect(),
        };
        let mut by_runner: Vec<(RunnerId, Option<Vec<TestId>>)> = Vec::new();
        for id in tests {
            let Some(test) = self.inventory.test(id).filter(|test| !test.gone) else { continue };
            let Some(runner) = self.inventory.module(test.module).map(|module| module.runner) else { continue };
            match by_runner.iter_mut().find(|(known, _)| *known == runner) {
                Some((_, Some(list))) => list.push(id),
                _ => by_runner.push((runner, Some(vec![id]))),
            }
        }
        by_runner
    }

    pub(super) fn describe(&self, selection: &Selection, tests: Option<&[TestId]>) -> String {
        let count = tests.map_or(0, <[TestId]>::len);
        match (selection, tests) {
            (Selection::All, _) | (_, None) => "everything".to_owned(),
            (Selection::Failures, Some(tests)) => {
                Unproved::count(tests.iter().filter_map(|id| self.inventory.test(*id))).to_string()
            }
            (Selection::Stale, Some(_)) => format!("{count} stale"),
            (Selection::Module(id), _) => {
                let title = self.inventory.module(*id).map_or("a module", |module| &module.title);
                format!("{title} ({count})")
            }
            (Selection::Tests(_), Some([id])) => {
                self.inventory.test(*id).map_or_else(|| "one test".to_owned(), |test| test.name.to_string())
            }
            (Selection::Tests(_), Some(_)) => format!("{count} selected"),
        }
    }

    pub(super) fn wanted(&self, runner: RunnerId, tests: &[TestId]) -> Wanted {
        let root = self.runs.iter().rev().find(|(_, run)| run.runner == runner && run.root.is_some());
        let root = root.and_then(|(_, run)| run.root.clone());
        let whole = |path: &Text| match &root {
            Some(root) if !path.starts_with('/') => format!("{root}/{path}").into(),
            _ => path.clone(),
        };
        let mut nodes = Vec::with_capacity(tests.len());
        let (mut modules, mut seen) = (Vec::new(), Vec::new());
        for test in tests.iter().filter_map(|id| self.inventory.test(*id)) {
            nodes.push(test.node.clone());
            if let Some(module) = self.inventory.module(test.module)
                && !seen.contains(&test.module)
            {
                seen.push(test.module);
                modules.push(whole(&module.path));
            }
        }
        Wanted::Only { nodes, modules }
    }
}
