//! Tables for people: columns line up, and what does not fit is cut with a mark.

use crate::ui::text::{fit, width};

/// The narrowest that a column is cut to.
const NARROWEST: usize = 12;
const GAP: &str = "  ";

/// How a column is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lay {
    /// As wide as its widest cell, from the left.
    Left,
    /// As wide as its widest cell, to the right: numbers.
    Right,
    /// Cut at its end where there is no room.
    CutEnd,
    /// Cut at its beginning where there is no room: names whose end tells most.
    CutStart,
}

/// A table with a title over each column.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(String, Lay)>,
    spare: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[(&str, Lay)]) -> Self {
        Self {
            columns: columns.iter().map(|(title, lay)| ((*title).to_owned(), *lay)).collect(),
            spare: &[],
            rows: Vec::new(),
        }
    }

    /// Names the columns that go, in this order, where cutting alone does not make room.
    #[must_use]
    pub fn spare(self, titles: &'static [&'static str]) -> Self {
        Self { spare: titles, ..self }
    }

    /// Adds a row: a cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// The table in at most `columns` cells a line, as far as its columns can be cut; `None`: as wide as it is. Columns
    /// in which no row says anything are left out.
    #[must_use]
    pub fn render(&self, columns: Option<usize>) -> Vec<String> {
        let says = |place: &usize| self.rows.iter().any(|row| !row[*place].is_empty());
        let mut shown: Vec<usize> = (0..self.columns.len()).filter(says).collect();
        let widest = |place: &usize| {
            let cells = self.rows.iter().map(|row| width(&row[*place]));
            cells.max().unwrap_or(0).max(width(&self.columns[*place].0))
        };
        if let Some(columns) = columns {
            self.leave_out(&mut shown, columns, &widest);
        }
        let mut widths: Vec<usize> = shown.iter().map(widest).collect();
        if let Some(columns) = columns {
            self.shrink(&shown, &mut widths, columns);
        }
        let title = |place: usize| &self.columns[place].0;
        let line = |cell: &dyn Fn(usize) -> String| {
            let cells = shown.iter().zip(&widths).map(|(&place, &room)| lay(&cell(place), self.columns[place].1, room));
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        let head = line(&|place| title(place).clone());
        let rows = self.rows.iter().map(|row| line(&|place| row[place].clone()));
        std::iter::once(head).chain(rows).collect()
    }

    /// Leaves out spare columns until the others have room, cut as they can be.
    fn leave_out(&self, shown: &mut Vec<usize>, columns: usize, widest: &dyn Fn(&usize) -> usize) {
        let least = |place: &usize| if self.can_be_cut(*place) { widest(place).min(NARROWEST) } else { widest(place) };
        let mut spare = self.spare.iter();
        while shown.iter().map(least).sum::<usize>() + gaps(shown) > columns {
            let Some(title) = spare.next() else { return };
            shown.retain(|place| self.columns[*place].0 != *title);
        }
    }

    fn can_be_cut(&self, place: usize) -> bool {
        matches!(self.columns[place].1, Lay::CutEnd | Lay::CutStart)
    }

    /// Takes room from the columns that can be cut, from the widest first.
    fn shrink(&self, shown: &[usize], widths: &mut [usize], columns: usize) {
        let mut over = (widths.iter().sum::<usize>() + gaps(shown)).saturating_sub(columns);
        while over > 0 {
            let candidates = (0..shown.len())
                .filter(|place| self.can_be_cut(shown[*place]))
                .filter(|place| widths[*place] > NARROWEST);
            let Some(widest) = candidates.max_by_key(|place| widths[*place]) else { return };
            widths[widest] -= 1;
            over -= 1;
        }
    }
}

fn gaps(shown: &[usize]) -> usize {
    GAP.len() * shown.len().saturating_sub(1)
}

fn lay(text: &str, lay: Lay, room: usize) -> String {
    let text = text.replace('\n', " ");
    let padding = " ".repeat(room.saturating_sub(width(&text)));
    match lay {
        Lay::Right => format!("{padding}{text}"),
        Lay::Left => format!("{text}{padding}"),
        Lay::CutEnd | Lay::CutStart if width(&text) <= room => format!("{text}{padding}"),
        Lay::CutEnd => {
            let (kept, used) = fit(&text, room.saturating_sub(1));
            format!("{kept}…{}", " ".repeat(room.saturating_sub(used + 1)))
        }
        Lay::CutStart => {
            let kept = end_of(&text, room.saturating_sub(1));
            let used = width(kept) + 1;
            format!("…{kept}{}", " ".repeat(room.saturating_sub(used)))
        }
    }
}

/// The longest end of a text that fits.
fn end_of(text: &str, room: usize) -> &str {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.map(|start| &text[start..]).find(|end| width(end) <= room).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(&[("cycle", Lay::Right), ("test", Lay::CutStart), ("", Lay::Left), ("cause", Lay::CutEnd)]);
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        table.row(row(["1", "tests/e2e/test_a.py::test_checkout", "", "authentication: HTTP 403"]));
        table.row(row(["12", "a", "", ""]));
        table
    }

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        assert_eq!(
            table().render(None),
            [
                "cycle  test                                cause",
                "    1  tests/e2e/test_a.py::test_checkout  authentication: HTTP 403",
                "   12  a",
            ]
        );
    }

    #[test]
    fn spare_columns_go_where_there_is_no_room_for_all() {
        let lines = table().spare(&["cause"]).render(Some(30));
        assert_eq!(lines[1], "    1  …st_a.py::test_checkout");
        assert_eq!(table().spare(&["cause"]).render(Some(44)), table().render(Some(44)));
    }

    #[test]
    fn what_does_not_fit_is_cut_with_a_mark() {
        let lines = table().render(Some(44));
        assert!(lines.iter().all(|line| width(line) <= 44), "{lines:#?}");
        assert_eq!(lines[1], "    1  …py::test_checkout  authentication: …");
    }
}
