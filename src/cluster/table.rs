//! What a watch has told, as rows by key: [`Table`].

use std::collections::BTreeMap;

use kube::runtime::watcher::Event;

/// The objects of a watch, kept up to date by its events.
///
/// While a list is being read anew, the rows of the last one stay: nobody ever sees half a list.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// The list that is being read.
    listed: Option<BTreeMap<K, V>>,
    is_complete: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), listed: None, is_complete: false }
    }
}

impl<K: Ord, V: PartialEq> Table<K, V> {
    /// The rows as they are known.
    pub(crate) const fn rows(&self) -> &BTreeMap<K, V> {
        &self.rows
    }

    /// Whether a whole list was read at least once.
    pub(crate) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Changes a row before the watch tells of it.
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.rows.insert(key, value);
    }

    /// Changes a row, if there is one of that key, before the watch tells of it.
    pub(crate) fn change(&mut self, key: &K, change: impl FnOnce(&mut V)) {
        if let Some(value) = self.rows.get_mut(key) {
            change(value);
        }
    }

    /// Takes an event in, and says whether the rows are now others than before.
    ///
    /// `read` makes a row of an object; objects that it makes nothing of are left out.
    pub(crate) fn take_in<O>(
        &mut self,
        event: Event<O>,
        read: impl Fn(O) -> Option<(K, V)>,
    ) -> bool {
        match event {
            Event::Init => {
                self.listed = Some(BTreeMap::new());
                false
            }
            Event::InitApply(object) => {
                self.listed.get_or_insert_default().extend(read(object));
                false
            }
            Event::InitDone => {
                let rows = self.listed.take().unwrap_or_default();
                let is_news = !self.is_complete || rows != self.rows;
                self.rows = rows;
                self.is_complete = true;
                is_news
            }
            Event::Apply(object) => {
                let Some((key, value)) = read(object) else {
                    return false;
                };
                if self.rows.get(&key) == Some(&value) {
                    return false;
                }
                self.rows.insert(key, value);
                true
            }
            Event::Delete(object) => {
                read(object).is_some_and(|(key, _)| self.rows.remove(&key).is_some())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (&'static str, u32);

    fn take_in(table: &mut Table<&'static str, u32>, events: Vec<Event<Row>>) -> Vec<bool> {
        events.into_iter().map(|event| table.take_in(event, Some)).collect()
    }

    #[test]
    fn a_list_counts_when_it_is_whole() {
        let mut table = Table::default();
        assert!(!table.is_complete());
        let news = take_in(
            &mut table,
            vec![Event::Init, Event::InitApply(("a", 1)), Event::InitApply(("b", 2))],
        );
        assert_eq!((news, table.rows().len(), table.is_complete()), (vec![false; 3], 0, false));
        assert_eq!(take_in(&mut table, vec![Event::InitDone]), [true]);
        assert_eq!((table.rows().len(), table.is_complete()), (2, true));
    }

    #[test]
    fn an_empty_list_is_news_once() {
        let mut table = Table::default();
        let news =
            take_in(&mut table, vec![Event::Init, Event::InitDone, Event::Init, Event::InitDone]);
        assert_eq!(news, [false, true, false, false]);
    }

    #[test]
    fn what_changes_nothing_is_no_news() {
        let mut table = Table::default();
        let events = vec![
            Event::Apply(("a", 1)),
            Event::Apply(("a", 1)),
            Event::Apply(("a", 2)),
            Event::Delete(("a", 2)),
            Event::Delete(("a", 2)),
        ];
        assert_eq!(take_in(&mut table, events), [true, false, true, true, false]);
    }

    #[test]
    fn a_second_list_forgets_what_it_does_not_name() {
        let mut table = Table::default();
        take_in(
            &mut table,
            vec![
                Event::Init,
                Event::InitApply(("a", 1)),
                Event::InitApply(("b", 1)),
                Event::InitDone,
            ],
        );
        take_in(&mut table, vec![Event::Init, Event::InitApply(("b", 1))]);
        assert_eq!(table.rows().len(), 2, "the old rows stay until the new list is whole");
        assert_eq!(take_in(&mut table, vec![Event::InitDone]), [true]);
        assert_eq!(table.rows().keys().copied().collect::<Vec<_>>(), ["b"]);
    }
}
