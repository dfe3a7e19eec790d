//! Looking into mail files with `postrider message`: what a person sees, word for word, and what
//! scripts rely on. What holds for the whole corpus is proved beside the code.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs `postrider message ARGUMENTS` in a folder.
fn message(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_postrider"))
        .arg("message")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("what is printed is UTF-8")
}

/// Replays the sessions in `tests/stories/message/`: each line with a `$` is run in `tests/corpus`,
/// and what it prints must stand below it. `FOLDER` is a new one for each session. With
/// `UPDATE_EXPECT=1` the files are rewritten, and the difference is to be read.
#[test]
fn sessions_are_as_they_were_reviewed() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("tests/stories/message")).unwrap() {
        let path = entry.unwrap().path();
        let expected = fs::read_to_string(&path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let commands =
            expected.lines().filter_map(|line| line.strip_prefix("$ postrider message "));
        let said: Vec<String> =
            commands.map(|command| session_step(command, folder.path())).collect();
        let said = said.join("\n");
        if update {
            fs::write(&path, &said).unwrap();
        }
        assert!(said == expected || update, "{}:\n{said}", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} sessions");
}

fn session_step(command: &str, folder: &Path) -> String {
    let folder = folder.to_str().unwrap();
    let arguments: Vec<String> =
        command.split(' ').map(|word| word.replace("FOLDER", folder)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = message(&root().join("tests/corpus"), &arguments, b"");
    let mut said = format!("$ postrider message {command}\n");
    // Line ends of a message are no matter of these files.
    said += &text(&output.stdout).replace("\r\n", "\n").replace(folder, "FOLDER");
    said += &text(&output.stderr).replace(folder, "FOLDER");
    if let Some(code @ 1..) = output.status.code() {
        said += &format!("(ends with {code})\n");
    }
    said
}

#[test]
fn standard_input_is_a_file_too() {
    let name = "made/kr-outlook-alternative.eml";
    let folder = root().join("tests/corpus");
    let content = fs::read(folder.join(name)).unwrap();
    for arguments in [
        &["show", "FILE"][..],
        &["show", "--json", "FILE"],
        &["structure", "--offsets", "FILE"],
        &["structure", "--json", "FILE"],
        &["parts", "FILE"],
        &["parts", "--json", "FILE"],
        &["lint", "--json", "FILE"],
        &["extract", "FILE", "--part", "2"],
    ] {
        let with = |file: &'static str| -> Vec<&str> {
            arguments.iter().map(|word| if *word == "FILE" { file } else { word }).collect()
        };
        let of_file = message(&folder, &with("made/kr-outlook-alternative.eml"), b"");
        let of_input = message(&folder, &with("-"), &content);
        assert!(of_file.status.success() && !of_file.stdout.is_empty(), "{arguments:?}");
        assert_eq!(of_file.stdout, of_input.stdout, "{arguments:?}");
    }
}

#[test]
fn lint_tells_by_its_code_whether_something_is_wrong() {
    let folder = root().join("tests/corpus");
    let code = |file: &str| message(&folder, &["lint", file], b"").status.code();
    assert_eq!(code("made/kr-outlook-alternative.eml"), Some(0));
    assert_eq!(code("made/n-cte-b64-garbage.eml"), Some(1));
    assert_eq!(code("no/such"), Some(2));
    assert_eq!(code("made"), Some(2));
}

#[test]
fn extracting_never_touches_what_is_there() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path();
    let source = root().join("tests/corpus/made/kr-attach-rfc2231-utf8.eml");
    fs::copy(source, folder.join("mail.eml")).unwrap();
    let run = |arguments: &[&str]| {
        let output = message(folder, arguments, b"");
        assert!(output.status.success(), "{output:?}");
        output
    };
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    run(&["extract", "mail.eml"]);
    let parts = folder.join("mail.eml.parts");
    assert_eq!(names(&parts), ["body.txt", "회의 자료 (최종).hwp"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&parts), mode(&parts.join("body.txt"))), (0o700, 0o600));
    fs::write(parts.join("body.txt"), "mine").unwrap();
    std::os::unix::fs::symlink("/dev/null", parts.join("body-2.txt")).unwrap();

    run(&["extract", "mail.eml"]);
    let all =
        ["body-2.txt", "body-3.txt", "body.txt", "회의 자료 (최종)-2.hwp", "회의 자료 (최종).hwp"];
    assert_eq!(names(&parts), all);
    assert_eq!(fs::read_to_string(parts.join("body.txt")).unwrap(), "mine");

    let attachment = fs::read(parts.join("회의 자료 (최종).hwp")).unwrap();
    assert_eq!(run(&["extract", "mail.eml", "--part", "2"]).stdout, attachment);
    run(&["extract", "mail.eml", "--part", "2", "--output", "out"]);
    assert_eq!(fs::read(folder.join("out")).unwrap(), attachment);
    let again = message(folder, &["extract", "mail.eml", "--part", "2", "--output", "out"], b"");
    assert!(!again.status.success() && text(&again.stderr).contains("out"), "{again:?}");
}
