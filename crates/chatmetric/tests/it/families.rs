//! Two feeds that call the same message by different ids: the first that counts decides,
//! durably, and the other is kept aside until an operator switches the number.

use crate::faults::{Gate, GatedStore};
use crate::receipts::{CAMS_TOKEN, cams, events, reasons, report, totals, with_webhooks};
use crate::world::{NOW_MS, World};
use chatmetric::clock::{Clock, ManualClock};
use chatmetric::control::{Operator, SourceSwitch};
use chatmetric::directory::limits::HELD_NUMBERS_MAX;
use chatmetric::directory::{ApplyOptions, Directory, Document, Format, IdFamily, InlineOnly};
use chatmetric::entropy::{Entropy, SeededEntropy};
use chatmetric::ingest::file::{BATCH_EVENTS, FileEvent, Loader, Mark, Reached};
use chatmetric::master_key::MasterKey;
use chatmetric_core::{AccountKey, EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::{QuarantineFilter, Reason, Store};
use std::sync::Arc;

const NUMBER: &str = "15550100101";
const SECRET: &str = "app-secret-one";

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("digits")
}

/// A signed status of Meta; its id looks like one of CAMS.
fn meta(world: &World, webhook: &str, of: &str, id: &str, seconds: i64) -> u16 {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{of}"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":"{seconds}"}}]}}}}]}}]}}"#
    );
    world.webhook(webhook, SECRET, body.as_bytes()).status
}

fn receipt(world: &World, id: &str) -> u16 {
    cams(world, CAMS_TOKEN, report(NUMBER, id, "Sent").as_bytes()).status
}

fn line(id: &str) -> Vec<u8> {
    format!(r#"{{"number":"{NUMBER}","message_id":"{id}","status":"sent","ts":1767225590}}"#)
        .into_bytes()
}

fn operator(world: &World) -> Operator {
    Operator {
        directory: Arc::clone(&world.directory),
        store: Arc::clone(&world.store),
        clock: Arc::new(ManualClock::at(EpochMs(NOW_MS))) as Arc<dyn Clock>,
        backups: Arc::default(),
        streams: Arc::default(),
        peers: None,
    }
}

fn family(world: &World, of: &str) -> Option<IdFamily> {
    let snapshot = world.directory.snapshot();
    snapshot.number(&number(of)).family(world.account_key())
}

#[test]
fn the_first_feed_counts_and_the_other_does_not() {
    // Meta first: whatever its ids look like.
    let world = with_webhooks();
    assert_eq!(meta(&world, "acme-wa", NUMBER, "1", 1_767_225_590), 200);
    assert_eq!(family(&world, NUMBER), Some(IdFamily::Meta));
    assert_eq!(receipt(&world, "1"), 200);
    assert_eq!(receipt(&world, "2"), 200);
    assert_eq!(events(&world, "", &line("3")).status, 200);
    assert_eq!(events(&world, "", &line("m-4")).status, 200);
    assert_eq!(totals(&world, NUMBER), (1, 0));
    assert_eq!(reasons(&world), [Reason::SecondSource; 4]);
    assert_eq!(events(&world, "", &line("wamid.5")).status, 200);
    assert_eq!(totals(&world, NUMBER), (2, 0));
    let of = |account| QuarantineFilter {
        account: Some(account),
        ..QuarantineFilter::default()
    };
    let own = world.store.quarantine(of(world.account_key()), 9);
    assert_eq!(own.expect("listed").len(), 4);
    let isv = world.directory.snapshot();
    let isv = isv
        .number_owner(&number("447700900123"))
        .expect("owned")
        .account
        .key;
    assert!(
        world
            .store
            .quarantine(of(isv), 9)
            .expect("listed")
            .is_empty()
    );
    // CAMS first.
    let world = with_webhooks();
    assert_eq!(receipt(&world, "1"), 200);
    assert_eq!(meta(&world, "acme-wa", NUMBER, "1", 1_767_225_590), 200);
    assert_eq!(
        events(&world, "", &line("202512310000000000003")).status,
        200
    );
    assert_eq!(totals(&world, NUMBER), (2, 0));
    assert_eq!(events(&world, "", &line("4")).status, 200);
    assert_eq!(reasons(&world), [Reason::SecondSource; 2]);
    // Ids of somebody else, of which one happens to be digits and comes first.
    let world = with_webhooks();
    let digits = line("2025123100000000");
    let body = [digits, line("m-1"), line("wamid.3"), line("m-4")].join(&b'\n');
    let reply = events(&world, "", &body).json();
    assert_eq!(
        (reply["new"].as_i64(), reply["quarantined"].as_i64()),
        (Some(3), Some(1))
    );
    assert_eq!(family(&world, NUMBER), Some(IdFamily::Other));
    assert_eq!(events(&world, "", &line("2025123100000001")).status, 200);
    assert_eq!(receipt(&world, "2025123100000002"), 200);
    assert_eq!(totals(&world, NUMBER), (4, 0));
    assert_eq!(reasons(&world), [Reason::SecondSource; 2]);
}

#[test]
fn what_never_counts_decides_nothing() {
    let world = with_webhooks();
    // Before the floor, and of a number of somebody else.
    assert_eq!(meta(&world, "acme-wa", NUMBER, "1", 1_700_000_000), 200);
    assert_eq!(
        meta(&world, "acme-wa", "447700900123", "1", 1_767_225_590),
        200
    );
    assert_eq!(family(&world, NUMBER), None);
    assert_eq!(family(&world, "447700900123"), None);
    assert_eq!(receipt(&world, "1"), 200);
    assert_eq!(totals(&world, NUMBER), (1, 0));
    assert_eq!(reasons(&world), [Reason::Late, Reason::ForeignNumber]);
}

#[test]
fn held_events_have_one_family_too() {
    let world = with_webhooks();
    let unowned = "15550999999";
    assert_eq!(meta(&world, "acme-all", unowned, "1", 1_767_225_590), 200);
    let held = report(unowned, "1", "Sent");
    let target = "/webhooks/cams/acme-cams/cams-token-000000000000";
    assert_eq!(world.send("POST", target, &[], held.as_bytes()).status, 200);
    assert_eq!(
        reasons(&world),
        [Reason::UnknownNumber, Reason::SecondSource]
    );
}

#[test]
fn an_operator_switches_a_number() {
    let world = with_webhooks();
    assert_eq!(meta(&world, "acme-wa", NUMBER, "1", 1_767_225_590), 200);
    let switch = |of: &str, to: &str, account: Option<&str>| {
        operator(&world).switch_source(&SourceSwitch {
            number: of.to_owned(),
            family: to.to_owned(),
            account: account.map(str::to_owned),
        })
    };
    let switched = switch("+1 555-010-0101", "cams", None).expect("switched");
    assert_eq!(switched.account, "1000000000000001");
    assert_eq!(
        (switched.before.as_deref(), &*switched.after),
        (Some("meta"), "cams")
    );
    assert_eq!(receipt(&world, "7"), 200);
    assert_eq!(meta(&world, "acme-wa", NUMBER, "2", 1_767_225_590), 200);
    assert_eq!(totals(&world, NUMBER), (2, 0));
    assert_eq!(reasons(&world), [Reason::SecondSource]);
    let log = world
        .directory
        .audit_log(&chatmetric::directory::AuditFilter {
            account: None,
            before_id: None,
            limit: 1,
        });
    let log = log.expect("a page");
    let entry = log.first().expect("an entry");
    assert_eq!(
        (&*entry.action, &*entry.target),
        ("SwitchSource", "number/15550100101")
    );
    for refused in [
        switch("15550999999", "cams", None),
        switch("15550999999", "cams", Some("9")),
        switch(NUMBER, "sms", None),
        switch("", "cams", None),
    ] {
        assert!(refused.expect_err("refused").is_usage);
    }
    switch("15550999999", "cams", Some("1000000000000001")).expect("switched");
    assert_eq!(family(&world, "15550999999"), Some(IdFamily::Cams));
}

#[test]
fn a_file_obeys_the_family_and_decides_one() {
    let world = with_webhooks();
    let load = |of: &str, ids: &[&str]| {
        let mut loader = operator(&world).loader("space-a").expect("a loader");
        for id in ids {
            let event = FileEvent {
                channel: "whatsapp",
                number: number(of),
                message_id: id,
                status: MessageStatus::Sent,
                at: EpochMs(1_767_225_590_000),
                family: None,
            };
            loader.push(&event).expect("taken");
        }
        loader.finish().expect("stored");
        loader.report().clone()
    };
    let (first, second) = ("202512310000000000001", "202512310000000000002");
    assert_eq!(receipt(&world, first), 200);
    let report = load(NUMBER, &["wamid.1", first, second, "m-1"]);
    assert_eq!(
        (report.new, report.duplicate, report.quarantined),
        (1, 1, 2)
    );
    assert_eq!(report.second_source.iter().collect::<Vec<_>>(), [NUMBER]);
    assert_eq!(totals(&world, NUMBER), (2, 0));
    // The file decides of a number that it binds.
    let fresh = "15550777777";
    let report = load(fresh, &["wamid.1", "1"]);
    assert_eq!((report.new, report.quarantined), (1, 1));
    assert_eq!(family(&world, fresh), Some(IdFamily::Meta));
}

/// A file of receipts is CAMS's whatever its ids look like, as its webhooks are.
#[test]
fn a_file_of_receipts_says_whose_ids_it_has() {
    let world = with_webhooks();
    let load = |id: &str, family: Option<IdFamily>| {
        let mut loader = operator(&world).loader("space-a").expect("a loader");
        let event = FileEvent {
            channel: "whatsapp",
            number: number("15550888888"),
            message_id: id,
            status: MessageStatus::Sent,
            at: EpochMs(1_767_225_590_000),
            family,
        };
        loader.push(&event).expect("taken");
        loader.finish().expect("stored");
        let report = loader.report();
        (report.new, report.quarantined)
    };
    assert_eq!(load("m-1", None), (1, 0));
    assert_eq!(family(&world, "15550888888"), Some(IdFamily::Other));
    assert_eq!(load("m-2", Some(IdFamily::Cams)), (0, 1));
    assert_eq!(load("m-2", Some(IdFamily::Other)), (1, 0));
}

/// A row of a file, and that it was read up to there.
fn load_row(loader: &mut Loader, row: u64) {
    let id = format!("wamid.{row}");
    let event = FileEvent {
        channel: "whatsapp",
        number: number("15550100101"),
        message_id: &id,
        status: MessageStatus::Sent,
        at: EpochMs(1_767_225_590_000),
        family: None,
    };
    loader.push(&event).expect("taken");
    let mark = Mark {
        rows: row,
        ..Mark::default()
    };
    loader.reach(Reached { mark, bad: 0 });
}

/// What is durable behind something that failed is no reason to skip what failed.
#[test]
fn what_is_durable_behind_a_gap_moves_no_mark() {
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, Arc::clone(&store) as Arc<dyn Store>);
    let mut loader = operator(&world).loader("space-a").expect("a loader");
    let load = |loader: &mut Loader, row: u64| {
        load_row(loader, row);
        let done = loader.finish().is_ok();
        (done, loader.durable().map(|reached| reached.mark.rows))
    };
    assert_eq!(load(&mut loader, 1), (true, Some(1)));
    store.set(Gate::Poisoned);
    assert_eq!(load(&mut loader, 2), (false, Some(1)));
    store.set(Gate::Open);
    assert_eq!(load(&mut loader, 3), (true, Some(1)));
    assert_eq!(loader.report().new, 2);
}

#[test]
fn a_load_goes_on_behind_what_is_durable_and_not_behind_what_was_sent() {
    let store = Arc::new(GatedStore::new());
    let world = World::start_with(|_| {}, Arc::clone(&store) as Arc<dyn Store>);
    let mut loader = operator(&world).loader("space-a").expect("a loader");
    store.set(Gate::Shut);
    let mut row = 0_u64;
    let mut load_until = |loader: &mut Loader, last: u64| {
        while row < last {
            row += 1;
            load_row(loader, row);
        }
        loader.durable().map(|reached| reached.mark.rows)
    };
    let batch = u64::try_from(BATCH_EVENTS).expect("small");
    // As many batches as may be under way: the store has not answered any of them.
    assert_eq!(load_until(&mut loader, 8 * batch), None);
    assert_eq!(store.waiting(), 8);
    store.pass();
    // The next one waits for the first, which alone is durable.
    let durable = load_until(&mut loader, 9 * batch).expect("one is durable");
    assert!((1..=batch).contains(&durable), "{durable}");
    assert_eq!(loader.report().new, batch);
    store.set(Gate::Open);
    loader.finish().expect("all is durable");
    assert_eq!(loader.durable().map(|it| it.mark.rows), Some(9 * batch));
    assert_eq!(loader.report().new, 9 * batch);
}

/// A directory on disk with a number of an account.
fn open(folder: &std::path::Path) -> Directory {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    Directory::open(folder, MasterKey::from_bytes([7; 32]), entropy).expect("opens")
}

fn apply(directory: &Directory, document: &str) {
    let document = Document::parse(document, Format::Toml, &InlineOnly).expect("a document");
    let options = ApplyOptions::default();
    directory
        .apply(&document, options, EpochMs(NOW_MS))
        .expect("it applies");
}

#[test]
fn a_family_is_durable_when_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let account = {
        let directory = open(folder.path());
        apply(
            &directory,
            "[[account]]\nid = \"1\"\n[[account.space]]\nid = \"s\"\nnumbers = [\"1555\"]\n",
        );
        let key = directory
            .snapshot()
            .number_owner(&number("1555"))
            .expect("owned")
            .account
            .key;
        let told = directory.bind_families(
            key,
            &[
                (number("1555"), IdFamily::Cams),
                (number("1555"), IdFamily::Meta),
                (number("1666"), IdFamily::Meta),
            ],
        );
        let expected = [IdFamily::Cams, IdFamily::Cams, IdFamily::Meta].map(Some);
        assert_eq!(told.expect("bound"), expected);
        // As after a kill: nothing is closed.
        std::mem::forget(directory.snapshot());
        key
    };
    for _ in 0..2 {
        let directory = open(folder.path());
        let of = |account: AccountKey, text: &str| {
            directory.snapshot().number(&number(text)).family(account)
        };
        assert_eq!(of(account, "1555"), Some(IdFamily::Cams));
        assert_eq!(of(account, "1666"), Some(IdFamily::Meta));
        assert_eq!(of(AccountKey(99), "1555"), None);
        let again = directory.bind_families(account, &[(number("1555"), IdFamily::Meta)]);
        assert_eq!(again.expect("told"), [Some(IdFamily::Cams)]);
        // Changes of the directory, and numbers that are bound, leave it.
        apply(&directory, "[[account]]\nid = \"1\"\nname = \"other\"\n");
        let space = directory.snapshot().space("s").expect("there").key;
        directory
            .bind_number(space, number("1777"), EpochMs(NOW_MS))
            .expect("bound");
        assert_eq!(of(account, "1555"), Some(IdFamily::Cams));
    }
}

#[test]
fn a_restart_of_the_server_keeps_the_family() {
    let mut world = with_webhooks();
    assert_eq!(meta(&world, "acme-wa", NUMBER, "1", 1_767_225_590), 200);
    world.stop();
    world.serve();
    assert_eq!(receipt(&world, "1"), 200);
    assert_eq!(reasons(&world), [Reason::SecondSource]);
}

#[test]
fn an_account_holds_so_many_numbers_of_nobody_and_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(folder.path());
    apply(
        &directory,
        "[[account]]\nid = \"1\"\n[[account.space]]\nid = \"s\"\nnumbers = [\"1555\"]\n",
    );
    let own = number("1555");
    let account = directory.snapshot();
    let account = account.number_owner(&own).expect("owned").account.key;
    // The room of its own numbers is part of it, so that one more always fits.
    let most = HELD_NUMBERS_MAX + 1;
    let wanted = (0..=most).map(|at| (number(&format!("9{at}")), IdFamily::Meta));
    let wanted: Vec<_> = wanted.collect();
    let told = directory.bind_families(account, &wanted).expect("bound");
    assert_eq!(told.iter().flatten().count(), most);
    assert_eq!(told.last(), Some(&None));
    let told = directory.bind_families(account, &[(own, IdFamily::Cams)]);
    assert_eq!(told.expect("bound"), [Some(IdFamily::Cams)]);
}
