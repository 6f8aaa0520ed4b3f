//! User data on the command line: what is read, filled in, reported and sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use std::io::Write as _;

use common::{Run, Sandbox};
use insta::assert_snapshot;

const WRONG: &str = "#cloud-config\npackage: [nginx]\nruncmd: apt-get update\nwrite_files:\n  - content: hunter2\n";
const BROKEN: &str = "#cloud-config\nruncmd:\n  - \"echo hunter2\n";

/// Everything that a command said, for a snapshot.
fn whole(sandbox: &Sandbox, run: &Run) -> String {
    let text = format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        run.code.unwrap(),
        run.stdout,
        run.stderr
    );
    sandbox.clean(&text)
}

#[test]
fn a_check_reports_as_compilers_do() {
    let sandbox = Sandbox::new();
    sandbox.file("wrong.yaml", WRONG);
    sandbox.file("broken.yaml", BROKEN);
    sandbox.file("setup.sh", "#!/bin/sh\necho hunter2\n");
    assert_snapshot!(whole(&sandbox, &sandbox.run(&["user-data", "check", "wrong.yaml", "setup.sh"])), @r"
        exit 0
        --- stdout
        wrong.yaml: cloud-config, 88 bytes
        wrong.yaml:2: warning: cloud-init has no key `package`: did you mean `packages`?
        wrong.yaml:3: warning: `runcmd` is a text, where a list belongs: write each entry on a line of its own, behind `- `
        wrong.yaml:5: warning: an entry of `write_files` has no `path`, which it needs
        setup.sh: script, 23 bytes: nothing looks wrong
        --- stderr
    ");
    assert_snapshot!(whole(&sandbox, &sandbox.run(&["user-data", "check", "broken.yaml"])), @r"
        exit 2
        --- stdout
        broken.yaml: cloud-config, 40 bytes
        broken.yaml:3: error: this is not YAML, so that cloud-init ignores the whole text: invalid indentation in multiline quoted scalar; is a quote above not closed?
        --- stderr
        1 to mend
    ");
    assert_snapshot!(whole(&sandbox, &sandbox.run(&["user-data", "check", "wrong.yaml", "--strict", "-o", "json"])), @r#"
        exit 2
        --- stdout
        [
          {
            "file": "wrong.yaml",
            "kind": "cloud-config",
            "bytes": 88,
            "too_large_for": [],
            "findings": [
              {
                "severity": "warning",
                "part": null,
                "line": 2,
                "message": "cloud-init has no key `package`: did you mean `packages`?"
              },
              {
                "severity": "warning",
                "part": null,
                "line": 3,
                "message": "`runcmd` is a text, where a list belongs: write each entry on a line of its own, behind `- `"
              },
              {
                "severity": "warning",
                "part": null,
                "line": 5,
                "message": "an entry of `write_files` has no `path`, which it needs"
              }
            ]
          }
        ]
        --- stderr
        3 to mend
    "#);
}

#[test]
fn a_check_tells_which_clouds_take_less() {
    let sandbox = Sandbox::new();
    sandbox.file("large.sh", &format!("#!/bin/sh\n{}", "# 0123456789\n".repeat(1_300)));
    assert_snapshot!(whole(&sandbox, &sandbox.run(&["user-data", "check", "large.sh"])), @r"
        exit 0
        --- stdout
        large.sh: script, 16910 bytes: nothing looks wrong
        large.sh: too large for civo (16384 bytes)
        --- stderr
    ");
    assert_snapshot!(whole(&sandbox, &sandbox.run(&["user-data", "check", "-p", "civo", "large.sh"])), @r"
        exit 2
        --- stdout
        large.sh: script, 16910 bytes: nothing looks wrong
        large.sh: too large for civo (16384 bytes)
        --- stderr
    ");
    sandbox.run(&["user-data", "check", "-p", "ec2", "large.sh"]).exits(0);
}

#[test]
fn a_create_says_what_looks_wrong_and_refuses_what_is() {
    let sandbox = Sandbox::new();
    sandbox.file("wrong.yaml", WRONG);
    sandbox.file("broken.yaml", BROKEN);
    sandbox.file("empty", "\n");
    let create = |arguments: &[&str]| sandbox.sim(&[&["create", "w", "--dry-run", "-o", "yaml"], arguments].concat());
    let wrong = create(&["-u", "wrong.yaml"]).exits(0);
    assert_snapshot!(wrong.stderr, @r"
        warning: wrong.yaml: line 2: cloud-init has no key `package`: did you mean `packages`?
        warning: wrong.yaml: line 3: `runcmd` is a text, where a list belongs: write each entry on a line of its own, behind `- `
        warning: wrong.yaml: line 5: an entry of `write_files` has no `path`, which it needs
        nothing was created: this is a dry run
    ");
    assert_snapshot!(create(&["-u", "wrong.yaml", "--strict"]).exits(2).stderr, @r"
        error: wrong.yaml: line 2: cloud-init has no key `package`: did you mean `packages`?
        hint: also wrong.yaml: line 3: `runcmd` is a text, where a list belongs: write each entry on a line of its own, behind `- `
        hint: also wrong.yaml: line 5: an entry of `write_files` has no `path`, which it needs
        hint: nothing was sent; look again with `provision user-data check`
    ");
    assert_snapshot!(create(&["-u", "broken.yaml"]).exits(2).stderr, @r"
        error: broken.yaml: line 3: this is not YAML, so that cloud-init ignores the whole text: invalid indentation in multiline quoted scalar; is a quote above not closed?
        hint: nothing was sent; look again with `provision user-data check`
    ");
    assert_snapshot!(create(&["-u", "empty"]).exits(0).stderr, @r"
        warning: empty: the user data is empty: the host runs nothing of yours at first boot
        nothing was created: this is a dry run
    ");
    // Refused before anything was sent.
    sandbox.sim(&["create", "w", "-u", "broken.yaml"]).exits(2);
    assert_eq!(sandbox.sim(&["list", "-o", "json"]).exits(0).stdout, "[]\n");
}

#[test]
fn variables_are_filled_in_and_their_values_are_in_no_output() {
    let sandbox = Sandbox::new();
    sandbox.file("token", "hunter2\n");
    sandbox.file(
        "setup.sh",
        "#!/bin/sh\n# provision-variables: TOKEN, DOMAIN\necho ${TOKEN} ${DOMAIN} ${HOME}\n",
    );
    let create = |arguments: &[&str]| {
        let run = sandbox.sim(
            &[
                &["-vv", "create", "w", "-u", "setup.sh", "--dry-run", "-o", "yaml"],
                arguments,
            ]
            .concat(),
        );
        assert!(
            !run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"),
            "{run:#?}"
        );
        run
    };
    let filled = create(&["--var", "TOKEN=@token", "--var", "DOMAIN=hunter2.example.com"]).exits(0);
    let script = "#!/bin/sh\n# provision-variables: TOKEN, DOMAIN\necho hunter2 hunter2.example.com ${HOME}\n";
    let bytes = format!("bytes: {}\n", script.len());
    assert!(filled.stdout.contains(&bytes), "{}", filled.stdout);
    assert_snapshot!(create(&["--var", "TOKEN=hunter2"]).exits(2).stderr, @r"
        error: setup.sh: no value was given for DOMAIN
    ");
    assert_snapshot!(
        create(&["--var", "TOKEN=hunter2", "--var", "DOMAIN=hunter2", "--var", "MAIL=hunter2"]).exits(2).stderr,
        @r"
        error: --var: nothing was replaced by MAIL: write `${MAIL}` where the value belongs, and name it where the text declares its variables
    "
    );
    assert_snapshot!(create(&["--var", "TOKEN=hunter2", "--var", "TOKEN=hunter2"]).exits(2).stderr, @r"
        error: --var: variable `TOKEN` has two values: keep one
    ");
    assert_snapshot!(create(&["--var", "hunter2"]).exits(2).stderr, @r"
        error: a value of `--var <NAME=VALUE|@FILE>` is not of this form
    ");
    create(&["--var", "TOKEN=@missing"]).exits(1);
}

#[test]
fn every_format_that_cloud_init_takes_is_taken() {
    let sandbox = Sandbox::new();
    for (text, kind) in [
        ("#include\nhttps://x.example/a\n", "include"),
        ("#cloud-boothook\n#!/bin/sh\n", "boot-hook"),
        (
            "#part-handler\ndef list_types():\n    pass\ndef handle_part(d, c, f, p):\n    pass\n",
            "part-handler",
        ),
        ("#cloud-config-archive\n- '#!/bin/sh'\n", "archive"),
        ("## template: jinja\n#!/bin/sh\necho {{ v1.region }}\n", "template"),
        (
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/cloud-config\n\n{packages: [nginx]}\n--b--\n",
            "multi-part",
        ),
    ] {
        let file = sandbox.file("data", text);
        for cloud in ["digitalocean", "ec2"] {
            let run = sandbox
                .sim(&["-p", cloud, "create", "w", "-u", &file, "--dry-run", "-o", "json"])
                .exits(0);
            assert_eq!(run.json()["user_data"]["kind"], kind);
            assert!(!run.stderr.contains("warning"), "{}", run.stderr);
        }
        // Civo runs scripts, and says so before anything is sent.
        sandbox
            .sim(&["-p", "civo", "create", "w", "-u", &file])
            .code
            .filter(|code| [0, 2].contains(code))
            .unwrap();
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"#!/bin/sh\necho packed\n").unwrap();
    std::fs::write(sandbox.path("packed"), packed.finish().unwrap()).unwrap();
    let run = sandbox
        .sim(&["create", "w", "-u", "packed", "--dry-run", "-o", "json"])
        .exits(0);
    assert_eq!(
        (&run.json()["user_data"]["kind"], &run.json()["user_data"]["bytes"]),
        (&"script".into(), &22.into())
    );
}

#[cfg(unix)]
#[test]
fn no_more_is_read_than_a_cloud_takes() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.sim(&["create", "w", "-u", "/dev/zero"]).exits(2).stderr, @r"
        error: /dev/zero has more than 65536 bytes, which is the most that can be used of it: let the script download the rest
    ");
    assert_snapshot!(sandbox.run(&["user-data", "check", "/dev/zero"]).exits(2).stderr, @r"
        error: /dev/zero has more than 524288 bytes, which is the most that can be used of it: let the script download the rest
    ");
    sandbox
        .sim(&["create", "w", "-u", "/dev/null", "--var", "A=@/dev/zero"])
        .exits(2);
}
