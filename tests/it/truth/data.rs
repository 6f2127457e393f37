//! The built-in data as it is on disk, so that an edit of it needs no new build.

use std::fs;
use std::path::{Path, PathBuf};

use loadline::catalogue::Catalogue;
use loadline::catalogue::source::CatalogueSource;
use loadline::document::Document;
use loadline::profile::base::Bases;
use loadline::profile::source::{BaseSource, ProfileSource};
use loadline::profile::{Profile, ProfileId};
use serde_json::Value;

/// Catalogue and profiles as they are on disk now.
pub struct Data {
    pub catalogue: Catalogue,
    pub profiles: Vec<Profile>,
}

impl Data {
    pub fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let values = |folder: &str| -> Vec<Value> {
            let mut files: Vec<PathBuf> = fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            files.sort();
            files
                .iter()
                .flat_map(|file| {
                    Document::parse_all(&fs::read_to_string(file).unwrap())
                        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
                })
                .map(|document| document.value)
                .collect()
        };
        let sources: Vec<CatalogueSource> = values("catalogue")
            .into_iter()
            .map(|value| serde_json::from_value(value).unwrap())
            .collect();
        let catalogue = Catalogue::build(&sources).unwrap();
        let bases: Vec<BaseSource> = values("bases")
            .into_iter()
            .map(|value| serde_json::from_value(value).unwrap())
            .collect();
        let sources: Vec<ProfileSource> = values("profiles")
            .into_iter()
            .map(|value| {
                let name = value["metadata"]["name"].clone();
                serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"))
            })
            .collect();
        let bases = Bases::of(&sources, &bases);
        let profiles = sources
            .into_iter()
            .enumerate()
            .map(|(number, source)| {
                let name = source.name().to_owned();
                source
                    .build(ProfileId::numbered(number), &catalogue, &bases)
                    .unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
            })
            .collect();
        Self { catalogue, profiles }
    }

    pub fn profile(&self, name: &str) -> &Profile {
        self.profiles
            .iter()
            .find(|profile| profile.name == name)
            .unwrap_or_else(|| panic!("no profile `{name}`"))
    }
}
