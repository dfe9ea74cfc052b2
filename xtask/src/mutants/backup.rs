//! The protections of backups and of what is restored, broken one by one, each with the
//! test that must see it.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// The mutants of backups.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "backup-acknowledged",
        promise: "what was acknowledged before a backup is in it",
        file: "crates/chatmetric-store/src/embedded/cut.rs",
        find: "for generation in pinned.generations().filter(|it| it.segment >= first) {",
        replace: "for generation in pinned.pending.iter().map(|it| &it.published).filter(|it| it.segment >= first) {",
        test: test!(
            "chatmetric-store",
            it,
            "a_cut_under_load_is_an_acknowledged_prefix"
        ),
    },
    Mutant {
        id: "backup-pin",
        promise: "a run that is merged away stays readable for a backup",
        file: "crates/chatmetric-store/src/embedded/cut.rs",
        find: "                let taken = read_file(file, path, self.bytes, |bytes, at| {",
        replace: "                let file = &File::open(path).map_err(|error| fault::io(\"open\", path, error))?;\n                let taken = read_file(file, path, self.bytes, |bytes, at| {",
        test: test!(
            "chatmetric-store",
            it,
            "files_that_are_merged_away_stay_in_the_cut"
        ),
    },
    Mutant {
        id: "backup-source",
        promise: "a damaged run is not copied as if it were whole",
        file: "crates/chatmetric-store/src/embedded/cut.rs",
        find: "if taken && found.digest128() != *digest {",
        replace: "if taken && found.digest128() == 0 && *digest == 1 {",
        test: test!(
            "chatmetric-store",
            it,
            "a_damaged_file_is_no_part_of_a_backup"
        ),
    },
    Mutant {
        id: "backup-identity",
        promise: "another run with the same number is not taken for the one that is there",
        file: "crates/chatmetric-store/src/embedded/run.rs",
        find: "        self.digest.update(&self.buffer);\n",
        replace: "        self.digest.update(&self.written.to_le_bytes());\n",
        test: test!("chatmetric-store", it, "one_identity_means_the_same_bytes"),
    },
    Mutant {
        id: "backup-directory",
        promise: "a backup names no number that its directory does not know",
        file: "crates/chatmetric/src/directory/backup.rs",
        find: "        let cut = cut()?;\n        schema::backup(&writer.connection, destination)?;\n        Ok(cut)\n",
        replace: "        schema::backup(&writer.connection, destination)?;\n        drop(writer);\n        std::thread::sleep(std::time::Duration::from_millis(200));\n        cut()\n",
        test: test!(
            "chatmetric",
            it,
            "a_backup_names_no_number_that_its_directory_does_not_know"
        ),
    },
    Mutant {
        id: "backup-secrets",
        promise: "no secret in the clear is in a backup",
        file: "crates/chatmetric/src/backup/origin.rs",
        find: "        let file = File::open(&path).map_err(BackupError::file(\"open\", &path))?;\n",
        replace: "        let secrets = std::fs::read(path.with_file_name(\"first-start.toml\")).unwrap_or_default();\n        let mut more = std::fs::OpenOptions::new().append(true).open(&path).expect(\"opens\");\n        std::io::Write::write_all(&mut more, &secrets).expect(\"written\");\n        let file = File::open(&path).map_err(BackupError::file(\"open\", &path))?;\n",
        test: test!("chatmetric", it, "no_secret_is_in_a_backup"),
    },
    Mutant {
        id: "backup-name",
        promise: "a backup has its name only when all of it is durable",
        file: "crates/chatmetric/src/backup/make.rs",
        find: "let new = backups.join(format!(\"{id}{NEW_SUFFIX}\"));",
        replace: "let new = backups.join(&id);",
        test: test!(
            "chatmetric",
            it,
            "a_kill_in_a_backup_leaves_the_backups_of_before_and_the_next_one_works"
        ),
    },
    Mutant {
        id: "backup-instance",
        promise: "backups of another instance are not touched",
        file: "crates/chatmetric/src/backup/place.rs",
        find: "Some(belongs) if belongs.instance != instance => {",
        replace: "Some(belongs) if belongs.instance.is_empty() => {",
        test: test!(
            "chatmetric",
            it,
            "a_place_that_is_none_for_these_backups_is_refused_untouched"
        ),
    },
    Mutant {
        id: "restore-checksum",
        promise: "every file of a backup is compared with its manifest",
        file: "crates/chatmetric/src/backup/restore.rs",
        find: "if sum != entry.sha256 {",
        replace: "if sum.is_empty() {",
        test: test!("chatmetric", it, "what_differs_is_shown"),
    },
    Mutant {
        id: "restore-path",
        promise: "no name in a manifest leads out of the backup",
        file: "crates/chatmetric/src/backup/manifest.rs",
        find: "if !is_file_path(&file.path, &self.id) {",
        replace: "if file.path.is_empty() {",
        test: test!("chatmetric", it, "a_manifest_names_no_file_outside"),
    },
    Mutant {
        id: "restore-link",
        promise: "a backup is read without following links",
        file: "crates/chatmetric/src/backup/place.rs",
        find: "let safe = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;",
        replace: "let safe = OFlags::RDONLY | OFlags::CLOEXEC;",
        test: test!(
            "chatmetric",
            it,
            "a_damaged_file_of_each_kind_is_refused_by_name"
        ),
    },
    Mutant {
        id: "restore-key",
        promise: "a restore with another master key is refused",
        file: "crates/chatmetric/src/backup/restore.rs",
        find: "if given != manifest.master_key_id {",
        replace: "if given.is_empty() {",
        test: test!(
            "chatmetric",
            it,
            "a_directory_in_use_and_a_wrong_key_are_refused"
        ),
    },
    Mutant {
        id: "restore-empty",
        promise: "a data directory that holds something is not restored into",
        file: "crates/chatmetric/src/backup/restore.rs",
        find: "    check_target(wanted.data_dir)?;\n",
        replace: "    let _unchecked = check_target;\n    drop(std::fs::remove_dir_all(wanted.data_dir));\n",
        test: test!(
            "chatmetric",
            it,
            "a_directory_in_use_and_a_wrong_key_are_refused"
        ),
    },
    Mutant {
        id: "backup-stray",
        promise: "what is no file of ours stays beside the runs of backups",
        file: "crates/chatmetric/src/backup/prune.rs",
        find: "path.symlink_metadata().is_ok_and(|data| data.is_file());\n",
        replace: "true;\n        drop(std::fs::remove_dir_all(&path));\n",
        test: test!("chatmetric", it, "strange_things_beside_the_runs_stay"),
    },
    Mutant {
        id: "backup-prune",
        promise: "no file goes that a backup needs",
        file: "crates/chatmetric/src/backup/prune.rs",
        find: "let kept = known.whole.iter().skip(old);",
        replace: "let kept = known.whole.iter().skip(old + 1);",
        test: test!(
            "chatmetric",
            it,
            "a_damaged_file_of_each_kind_is_refused_by_name"
        ),
    },
    Mutant {
        id: "remote-backup-end",
        promise: "a stream of a backup that was cut is never taken for a whole one",
        file: "crates/chatmetric/src/backup/remote.rs",
        find: "        self.frames.done()\n",
        replace: "        Ok(())\n",
        test: test!("chatmetric", lib, "a_stream_without_its_end_is_no_backup"),
    },
    Mutant {
        id: "remote-backup-part",
        promise: "a part that came over the network is compared with its end",
        file: "crates/chatmetric/src/backup/frames.rs",
        find: "if self.payload.len() != END_BYTES || self.payload != said {",
        replace: "if self.payload.len() != END_BYTES {",
        test: test!("chatmetric", lib, "each_flipped_bit_and_each_cut_is_found"),
    },
    Mutant {
        id: "remote-backup-stray",
        promise: "what an interrupted backup had brought is compared before it is used",
        file: "crates/chatmetric/src/backup/send.rs",
        find: "    Ok(found.map(|found| found == sum))\n",
        replace: "    Ok(found.map(|found| found.len() == sum.len()))\n",
        test: test!(
            "chatmetric",
            it,
            "a_backup_that_was_cut_goes_on_with_what_had_come"
        ),
    },
    Mutant {
        id: "remote-backup-names",
        promise: "no name in a stream of a backup leads out of it",
        file: "crates/chatmetric/src/backup/remote.rs",
        find: "if !fits || !seen.insert(name) {",
        replace: "if !seen.insert(name) {",
        test: test!("chatmetric", lib, "no_name_in_a_stream_leads_anywhere_else"),
    },
    Mutant {
        id: "remote-backup-scope",
        promise: "a token that may look only gets no backup",
        file: "crates/chatmetric/src/server/operator.rs",
        find: "        (Verb::Post | Verb::Patch | Verb::Delete, OperatorScope::Read) => {\n            return Err(Refusal::Scope);\n        }\n",
        replace: "        (Verb::Post | Verb::Patch | Verb::Delete, OperatorScope::Read) => {}\n",
        test: test!("chatmetric", it, "who_may_not_have_a_backup_gets_none"),
    },
    Mutant {
        id: "remote-backup-one",
        promise: "one backup is sent at a time",
        file: "crates/chatmetric/src/server/operator/backup.rs",
        find: "        let _turn = turn;\n",
        replace: "        drop(turn);\n",
        test: test!(
            "chatmetric",
            it,
            "one_is_sent_at_a_time_and_a_client_that_left_holds_nothing"
        ),
    },
    Mutant {
        id: "answer-stall",
        promise: "a client that takes nothing of an answer is not waited for",
        file: "crates/chatmetric/src/server/connection.rs",
        find: "        std::task::ready!(sleep.as_mut().poll(cx));\n",
        replace: "        drop(sleep.as_mut().poll(cx));\n        if timeout != Duration::MAX {\n            return Poll::Pending;\n        }\n",
        test: test!(
            "chatmetric",
            lib,
            "a_client_that_takes_nothing_is_not_waited_for"
        ),
    },
];
