//! `loadline matrix -o html` in a real browser: clicked, typed into, read, and looked at.
//!
//! Needs Chromium and its driver (`tests/page/setup.sh`); `make page` runs both. Screenshots are kept in `target/page/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop with a message"
)]

mod driver;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use driver::{Browser, Screen, keys};
use serde_json::{Value, json};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page");
    std::fs::create_dir_all(&folder).unwrap();
    folder
});

static PAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let file = FOLDER.join("matrix.html");
    std::fs::write(&file, loadline(&["matrix", "-o", "html"])).unwrap();
    file
});

static MATRIX: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_slice(&loadline(&["matrix", "-o", "json"])).unwrap());

fn loadline(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_loadline")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Browser {
    /// A browser with the page open.
    fn on_page(screen: Screen, fragment: &str) -> Self {
        let browser = Self::start(screen);
        browser.open(&PAGE, fragment);
        browser
    }

    fn look(&self, name: &str) {
        self.screenshot(&FOLDER.join(name));
    }

    fn text(&self, css: &str) -> String {
        let text = self.run(&format!("return document.querySelector({css:?}).innerText"));
        text.as_str().unwrap().to_owned()
    }

    /// Names of the features that are shown.
    fn shown(&self) -> Vec<String> {
        let names = self.run(
            "return [...document.querySelectorAll('#table tbody:not([hidden]) tr:not([hidden]):not(.head) th small')].map(one => one.textContent)",
        );
        serde_json::from_value(names).unwrap()
    }

    /// Accessible name of what has the focus.
    fn focused(&self) -> String {
        let name = self.run("const one = document.activeElement; return one.getAttribute('aria-label') || one.innerText || one.id");
        name.as_str().unwrap().to_owned()
    }

    fn is_card_open(&self) -> bool {
        self.run("return document.getElementById('card').open") == json!(true)
    }

    fn address(&self) -> String {
        let hash = self.run("return decodeURIComponent(location.hash)");
        hash.as_str().unwrap().to_owned()
    }
}

fn features() -> &'static Vec<Value> {
    MATRIX["features"].as_array().unwrap()
}

#[test]
fn every_square_says_what_the_data_says_and_nothing_is_loaded() {
    let browser = Browser::on_page(Screen::Desktop, "");
    let squares = browser.run(
        "return [...document.querySelectorAll('#table td')].map(one => [one.getAttribute('aria-label'), one.textContent])",
    );
    let squares: Vec<(String, String)> = serde_json::from_value(squares).unwrap();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for feature in features() {
        for (profile, cell) in feature["support"].as_object().unwrap() {
            let support = cell["support"].as_str().unwrap();
            let (words, sign) = match support {
                "supported" => (support, "✓"),
                "partial" => (support, "◐"),
                "ignored" if feature["control"] == json!(true) => ("ignored control", "!"),
                "ignored" => (support, "○"),
                "unsupported" => (support, "✕"),
                _ => (support, "?"),
            };
            let aside = if cell["listed"] == json!(true) { "" } else { " (not listed)" };
            let label =
                format!("{words}: {} on {profile}{aside}", feature["title"].as_str().unwrap());
            wanted.push((label, sign.to_owned()));
        }
    }
    let sorted = |mut all: Vec<(String, String)>| {
        all.sort();
        all
    };
    assert!(squares.len() > 1000, "{}", squares.len());
    assert_eq!(sorted(squares), sorted(wanted));
    assert_eq!(browser.run("return performance.getEntriesByType('resource').length"), json!(0));
    assert_eq!(browser.console(), Vec::<String>::new());
    browser.look("desktop.png");
    // Scrolled down, the search and the names of the columns stay in sight, one below the other.
    let heads = browser.run(
        "window.scrollTo(0, 3000); const box = css => document.querySelector(css).getBoundingClientRect(); \
         return [box('.tools').top, box('.tools').bottom - box('thead th:nth-child(2)').top, box('tr.head th').top]",
    );
    assert_eq!(heads[0], json!(0), "{heads}");
    assert!(heads[1].as_f64().unwrap().abs() < 2.0, "{heads}");
    browser.look("scrolled.png");
}

#[test]
fn search_and_filters_narrow_the_table_and_stand_in_the_address() {
    let browser = Browser::on_page(Screen::Desktop, "");
    let all = browser.shown().len();
    assert_eq!(all, features().len());
    // A slash leads to the search, and words in any order find what has them all.
    browser.press(&["/"]);
    assert_eq!(browser.focused(), "Search features");
    browser.type_text("podip field");
    let shown = browser.shown();
    assert!(shown.contains(&"env.field-ref.status.pod-ip".to_owned()), "{shown:?}");
    assert!(shown.len() < 10, "{shown:?}");
    assert!(browser.text("#count").starts_with(&format!("{} of {all} ", shown.len())));
    browser.press(&[keys::ESCAPE]);
    assert_eq!(browser.shown().len(), all);
    browser.type_text("no such thing");
    assert!(browser.text("#empty").contains("Nothing matches"));
    browser.click("#clear");
    assert_eq!(browser.shown().len(), all);
    // Class.
    browser.click("#classes button:nth-child(3)");
    let class = browser.text("#classes button:nth-child(3)");
    let of_class = features().iter().filter(|one| one["class"] == json!(class));
    assert_eq!(browser.shown().len(), of_class.count());
    // Provider, by its box in the menu.
    browser.click("#nodes summary");
    browser.click("#nodes-list label:has([value='azure-aci'])");
    browser.click("#nodes-list label:has([value='nomad'])");
    browser.look("menu.png");
    browser.press(&[keys::ESCAPE]);
    assert_eq!(browser.run("return document.getElementById('nodes').open"), json!(false));
    let columns = browser.run("return document.querySelectorAll('#table thead th').length");
    assert_eq!(columns, json!(3));
    assert_eq!(browser.text("#nodes-label"), "2 virtual nodes");
    browser.look("two.png");
    // What is refused there.
    browser.click("#legend button:nth-child(5)");
    let refused = browser.shown();
    let is_refused = |feature: &&Value| {
        feature["class"] == json!(class)
            && ["azure-aci", "nomad"]
                .iter()
                .any(|one| feature["support"][one]["support"] == "unsupported")
    };
    assert_eq!(refused.len(), features().iter().filter(is_refused).count());
    // The address shows the same to somebody else.
    let address = browser.address();
    assert_eq!(address, format!("#class={class}&on=azure-aci,nomad&only=unsupported"));
    browser.open(&PAGE, address.trim_start_matches('#'));
    assert_eq!(browser.shown(), refused);
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn a_square_opens_its_reason_with_the_mouse() {
    let browser = Browser::on_page(Screen::Desktop, "q=volume.persistent-volume-claim");
    let name = "volume.persistent-volume-claim";
    let feature = features().iter().find(|one| one["name"] == name).unwrap();
    let cell = &feature["support"]["azure-aci"];
    browser.click("td[aria-label$='PersistentVolumeClaim volume on azure-aci']");
    assert!(browser.is_card_open());
    let card = browser.text("#card").to_lowercase();
    for text in [
        &cell["support"],
        &cell["reason"],
        &cell["effect"],
        &cell["help"],
        &cell["verified"]["date"],
        &cell["verified"]["how"],
        &json!(name),
    ] {
        let text = text.as_str().unwrap().to_lowercase();
        assert!(card.contains(&text), "{text}\n{card}");
    }
    for source in cell["source"].as_str().unwrap().split(", ") {
        assert!(card.contains(&source.to_lowercase()), "{source}\n{card}");
    }
    browser.look("cell.png");
    assert!(browser.address().ends_with(&format!("at={name}@azure-aci")), "{}", browser.address());
    // From there to the feature on all virtual nodes, and on to another one.
    browser.click("#card dl div:last-child .link");
    assert_eq!(
        browser.run("return document.querySelectorAll('#card .each li').length"),
        json!(MATRIX["profiles"].as_array().unwrap().len())
    );
    browser.click("#card .each li:first-child button");
    assert!(browser.address().contains('@'));
    // A click beside the card closes it.
    browser.run(
        "document.getElementById('card').dispatchEvent(new MouseEvent('click', { bubbles: true }))",
    );
    assert!(!browser.is_card_open());
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn the_keyboard_reaches_everything() {
    let browser = Browser::on_page(Screen::Desktop, "class=security");
    browser.press(&["/", keys::DOWN]);
    let first = browser.focused();
    assert!(first.contains(" on admiralty"), "{first}");
    browser.press(&[keys::RIGHT, keys::DOWN, keys::DOWN]);
    let third = browser.focused();
    assert!(third.contains(" on alibaba-acs"), "{third}");
    assert_ne!(first, third);
    browser.press(&[keys::ENTER]);
    assert!(browser.is_card_open());
    let before = browser.text("#card .name");
    browser.press(&[keys::RIGHT]);
    assert_eq!(browser.text("#card .name"), before);
    assert!(browser.address().ends_with("@alibaba-eci-managed"), "{}", browser.address());
    browser.press(&[keys::ESCAPE]);
    assert!(!browser.is_card_open());
    // The focus is back in the table, and Tab leaves it in one step, whatever its size.
    assert!(browser.run("return document.activeElement.closest('#table') !== null") == json!(true));
    browser.press(&[keys::HOME, keys::ENTER]);
    assert!(
        browser.text("#card").to_lowercase().contains("class\nsecurity"),
        "{}",
        browser.text("#card")
    );
    browser.press(&[keys::ESCAPE]);
    browser.chord(&keys::SHIFT_TAB);
    assert!(
        browser.run("return document.activeElement.closest('#legend') !== null") == json!(true)
    );
    browser.press(&[keys::TAB]);
    assert!(browser.run("return document.activeElement.closest('#table') !== null") == json!(true));
    // Up in the head, a kind of virtual node opens.
    browser.press(&[keys::UP, keys::UP, keys::UP, keys::UP, keys::RIGHT, keys::ENTER]);
    assert!(browser.is_card_open());
    assert!(
        browser.text("#card").to_lowercase().contains("a pod gets there with"),
        "{}",
        browser.text("#card")
    );
    browser.look("profile.png");
    browser.press(&[keys::ESCAPE]);
    // Chips are buttons.
    browser.run("document.querySelector('#classes button').focus()");
    browser.press(&[keys::ENTER]);
    assert_eq!(browser.shown().len(), features().len());
    assert!(
        browser.run("return document.activeElement.closest('#classes') !== null") == json!(true)
    );
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn the_page_fits_a_phone() {
    let browser = Browser::on_page(Screen::Phone, "");
    let fits = "return document.documentElement.scrollWidth <= 390 && innerWidth === 390";
    assert_eq!(browser.run(fits), json!(true));
    browser.look("phone.png");
    browser.click("#table tbody tr:nth-child(2) td");
    assert!(browser.is_card_open());
    browser.look("phone-feature.png");
    browser.click("#card .each li:first-child button");
    assert!(browser.text("#card").to_lowercase().contains("why"));
    assert!(browser.text("#card").to_lowercase().contains("verified"));
    browser.look("phone-cell.png");
    browser.click("#close");
    assert!(!browser.is_card_open());
    browser.click("#nodes summary");
    browser.click("#nodes-list label:has([value='eks-fargate'])");
    browser.click("#nodes summary");
    assert_eq!(browser.run("return document.getElementById('table').className"), json!("words"));
    assert_eq!(browser.run(fits), json!(true));
    browser.look("phone-one.png");
    assert_eq!(browser.console(), Vec::<String>::new());
    // Whatever can be tapped is large enough for a finger.
    let small = browser.run(
        "return [...document.querySelectorAll('button, summary, #table td')].filter(one => one.checkVisibility()) \
         .map(one => [one.className + ' ' + one.id, one.getBoundingClientRect().height]).filter(([, height]) => height < 24)",
    );
    assert_eq!(small, json!([]));
}

/// Elements whose text does not stand out enough.
const CONTRAST: &str = include_str!("contrast.js");

#[test]
fn everything_can_be_read_in_light_and_dark() {
    let browser = Browser::on_page(Screen::Desktop, "theme=light");
    assert_eq!(browser.run(CONTRAST), json!([]));
    browser.click("#theme");
    assert!(browser.address().ends_with("theme=dark"), "{}", browser.address());
    assert_eq!(browser.run(CONTRAST), json!([]));
    browser.look("dark.png");
    browser.open(&PAGE, "theme=dark&at=security.run-as-non-root@azure-aci");
    browser.look("dark-cell.png");
    assert_eq!(browser.console(), Vec::<String>::new());
}
