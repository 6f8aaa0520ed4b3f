use provision_core::UserData;

use super::{Finding, Severity, look_at};

fn seen(text: &str) -> Vec<String> {
    let findings = look_at(&UserData::new(text).unwrap());
    findings.iter().map(shown).collect()
}

fn shown(finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{word}: {finding}")
}

#[test]
fn what_is_right_is_not_complained_about() {
    for text in [
        include_str!("../../../../examples/nginx.yaml"),
        include_str!("../../../../examples/docker.sh"),
        include_str!("../../../../examples/k3s.sh"),
        "#cloud-config\nruncmd:\n  - apt-get update\n  - [ls, -l]\nwrite_files:\n  - {path: /a, content: x, permissions: '0644'}\n",
        "#cloud-config\nusers:\n  - default\n  - name: me\n    sudo: ALL=(ALL) NOPASSWD:ALL\n    ssh_authorized_keys: [ssh-ed25519 AAAA]\n",
        "#cloud-config\nbase: &b [x]\n"
            .replace("base", "packages")
            .replace("[x]", "[nginx]")
            .as_str(),
        "#cloud-config\npackages: [nginx, [curl, 1.2-3]]\npackage_update: yes\nssh_pwauth: no\nmanage_etc_hosts: localhost\n",
        "#cloud-config\nwrite_files: &files\n  - &one {path: /a}\n  - *one\n  - {<<: *one, content: x}\n",
        "#cloud-config\npower_state: {mode: reboot, delay: now}\nswap: {filename: /swap, size: 1073741824}\n",
        "#cloud-config\nhostname: web\nfqdn: web.example.com\ntimezone: Europe/London\nlocale: en_GB.UTF-8\n",
        "#cloud-config\nautoinstall: {version: 1}\nntp:\nwireguard:\n  interfaces: []\n",
        "#include\nhttps://x.example/a\n# a comment\n\n#include-once https://x.example/b\n",
        "#cloud-boothook\n#!/bin/sh\n",
        "#part-handler\ndef list_types():\n    pass\ndef handle_part(data, ctype, filename, payload):\n    pass\n",
        "#cloud-config-archive\n- |\n  #!/bin/sh\n- type: text/cloud-config\n  content: |\n    packages: [nginx]\n- 'packages: [nginx]'\n",
        "#cloud-config-jsonp\n[{\"op\": \"add\", \"path\": \"/runcmd\", \"value\": []}]\n",
        "## template: jinja\n#!/bin/sh\necho {{ v1.region }}\n",
    ] {
        assert_eq!(seen(text), [""; 0], "{text}");
    }
}

#[test]
fn what_cloud_init_cannot_use_is_told_with_its_line() {
    for (text, expected) in [
        (
            "",
            "warning: the user data is empty: the host runs nothing of yours at first boot",
        ),
        (
            " \n",
            "warning: the user data is empty: the host runs nothing of yours at first boot",
        ),
        (
            "#cloud-config\n",
            "warning: the cloud-config is empty: nothing is done at first boot",
        ),
        (
            "#cloud-config\nruncmd: apt-get update\n",
            "warning: line 2: `runcmd` is a text, where a list belongs: write each entry on a line of its own, behind `- `",
        ),
        (
            "#cloud-config\n\npackage: [nginx]\n",
            "warning: line 3: cloud-init has no key `package`: did you mean `packages`?",
        ),
        (
            "#cloud-config\nRunCmd: [x]\n",
            "warning: line 2: cloud-init has no key of this name: did you mean `runcmd`?",
        ),
        (
            "#cloud-config\nquux: 1\n",
            "warning: line 2: cloud-init has no key `quux`, and ignores it",
        ),
        (
            "#cloud-config\nwrite_files:\n  - content: x\n",
            "warning: line 3: an entry of `write_files` has no `path`, which it needs",
        ),
        (
            "#cloud-config\nwrite_files:\n  - path: /a\n    contents: x\n",
            "warning: line 4: an entry of `write_files` has no key `contents`: did you mean `content`?",
        ),
        (
            "#cloud-config\nwrite_files:\n  - path: /a\n    permissions: 0644\n",
            "warning: line 4: `permissions` is a number, where a text belongs: put it in quotes",
        ),
        (
            "#cloud-config\nwrite_files: {path: /a}\n",
            "warning: line 2: `write_files` is a map, where a list belongs",
        ),
        (
            "#cloud-config\nruncmd:\n  - echo: 1\n",
            "warning: line 3: an entry of `runcmd` is a map, where a list or a text belongs",
        ),
        (
            "#cloud-config\nruncmd: [a]\nruncmd: [b]\n",
            "warning: line 3: `runcmd` stands here and in line 2: only the last one counts",
        ),
        (
            "#cloud-config\napt_update: true\n",
            "warning: line 2: `apt_update` is deprecated: use `package_update` instead",
        ),
        (
            "#cloud-config\npackage_update: 'yes please'\n",
            "warning: line 2: `package_update` is a text, where true or false belongs",
        ),
        (
            "#cloud-config\n- runcmd\n",
            "error: line 2: a cloud-config is a map of keys such as `packages:`, and this is none: cloud-init ignores the whole text",
        ),
        (
            "#!sh\n",
            "warning: line 1: the interpreter behind `#!` is no absolute path, such as /bin/sh: the script may not start",
        ),
        (
            "#!/bin/sh\necho\r\n",
            "warning: line 2: the line ends as on Windows, which shells read as a part of the last word: convert it, for example with `dos2unix`",
        ),
        (
            "#include\nx.example\n",
            "warning: line 2: this is no address that cloud-init can fetch: write one that begins with https://",
        ),
        (
            "#include\n",
            "warning: no address follows `#include`: nothing is fetched",
        ),
        (
            "#part-handler\ndef list_types():\n",
            "warning: the part handler has no function `handle_part`, which cloud-init calls",
        ),
        (
            "#cloud-config-archive\na: 1\n",
            "error: line 2: an archive is a list of parts, and this is none",
        ),
        (
            "#cloud-config-archive\n- |\n  #cloud-config\n  package: [x]\n",
            "warning: line 3: in the entry that begins here, line 2: cloud-init has no key `package`: did you mean `packages`?",
        ),
        (
            "#cloud-config-jsonp\n{}\n",
            "error: a JSON patch is a list of operations, and this is none",
        ),
    ] {
        assert_eq!(seen(text), [expected], "{text}");
    }
}

#[test]
fn broken_yaml_is_an_error_with_its_line_and_without_its_text() {
    for (text, line) in [
        ("#cloud-config\nruncmd:\n  - \"echo hush\n", 3),
        ("#cloud-config\npackages:\n\t- hush\n", 3),
        ("#cloud-config\nruncmd: [hush\n", 2),
        ("#cloud-config\na: b: hush\n", 2),
    ] {
        let findings = look_at(&UserData::new(text).unwrap());
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(findings[0].line, Some(line), "{text}: {}", findings[0]);
        assert!(!findings[0].to_string().contains("hush"), "{}", findings[0]);
    }
}

#[test]
fn the_parts_of_a_multi_part_text_are_looked_at_each() {
    let part = |text: &str| UserData::new(text).unwrap();
    let both = UserData::combine(&[part("#!/bin/sh\n"), part("#cloud-config\n\npackage: [nginx]\n")]).unwrap();
    assert_eq!(
        seen(both.expose()),
        ["warning: part 2, line 3: cloud-init has no key `package`: did you mean `packages`?"]
    );
    let mime = |headers: &str, body: &str| {
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{headers}\n\n{body}\n--b--\n")
    };
    assert_eq!(
        seen(&mime("Content-Type: text/cloud-config", "packages: [nginx]")),
        [""; 0]
    );
    assert_eq!(
        seen(&mime("Content-Type: text/cloud-config", "- x")),
        [
            "error: part 1, line 1: a cloud-config is a map of keys such as `packages:`, and this is none: cloud-init ignores the whole text"
        ]
    );
    assert_eq!(
        seen(&mime("Content-Type: image/png", "x")),
        ["warning: part 1: cloud-init knows no such type of part, and passes over it unless a part handler takes it"]
    );
    assert!(seen(&mime("Content-Type: text/plain", "hush"))[0].starts_with("error: part 1: it is no user data"));
    assert_eq!(
        seen("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--c--\n"),
        ["warning: no part begins with the boundary that the header names: there is nothing to run"]
    );
}

#[test]
fn nothing_of_the_text_is_in_a_finding() {
    // Where a key belongs stands what looks like a token.
    for text in [
        "#cloud-config\nS3cr3t: x\n",
        "#cloud-config\nwrite_files:\n  - S3cr3t: x\n    path: S3cr3t\n    content: [S3cr3t]\n",
        "#cloud-config\nruncmd: S3cr3t\n",
        "#cloud-config\nS3cr3t: 1\nS3cr3t: 2\n",
        "#include\nS3cr3t\n",
    ] {
        let findings = seen(text);
        assert!(
            !findings.is_empty() && findings.iter().all(|finding| !finding.contains("S3cr3t")),
            "{findings:?}"
        );
    }
}
