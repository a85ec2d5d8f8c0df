//! Commands that the documents name: the real parser takes each of them.

use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::Cli;

/// What stands for an id.
const ID: &str = "019c1a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b";
/// Words that mean this program at the beginning of a line.
const PROGRAMS: [&str; 5] = [
    "palabre",
    concat!("palabre", "_as_daemon"),
    "./target/release/palabre",
    "target/release/palabre",
    "/usr/local/bin/palabre",
];
/// What ends a command of a shell.
const ENDS: [&str; 9] = ["|", ">", ">>", "<", "&&", "||", ";", "&", "2>"];

/// What a document shows.
#[derive(Debug, PartialEq)]
enum Shown {
    /// A line of a block, to be typed as it stands.
    Line(String),
    /// A mention in a sentence, which may be the beginning of a command.
    Mention(String),
}

fn shown(markdown: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut block: Option<String> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if ["sh", "bash"].contains(&&*language) => {
                block = Some(String::new());
            }
            Event::Text(text) => {
                if let Some(block) = &mut block {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                let lines = block.take().unwrap_or_default().replace("\\\n", " ");
                shown.extend(lines.lines().map(|line| Shown::Line(line.trim().to_owned())));
            }
            Event::Code(span) if span.starts_with("palabre ") => shown.push(Shown::Mention(span.to_string())),
            _ => {}
        }
    }
    shown
}

/// The words of a line as a shell reads them, up to where the command ends.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut is_word, mut quote): (String, bool, Option<char>) = (String::new(), false, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => (quote, is_word) = (Some(c), true),
            (None, '#') if !is_word => break,
            (None, c) if c.is_whitespace() => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                    is_word = false;
                }
            }
            (_, c) => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    let end = words.iter().position(|word| ENDS.contains(&word.as_str()) || word.ends_with(';'));
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// The arguments of this program's commands in a line.
fn arguments(line: &str) -> Option<Vec<String>> {
    let mut words = words(line).into_iter().skip_while(|word| is_assignment(word)).peekable();
    if words.peek().is_some_and(|word| word == "cargo") {
        let rest: Vec<String> = words.skip_while(|word| word != "--").skip(1).collect();
        let is_run = line.contains("cargo run") && !rest.is_empty();
        return is_run.then_some(rest);
    }
    let program = words.next()?;
    PROGRAMS.contains(&program.as_str()).then(|| words.collect())
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// Why the parser does not take a command.
fn refused(arguments: &[String], is_mention: bool) -> Option<String> {
    let filled = arguments.iter().map(|word| match word.as_str() {
        "ID" | "OTHER" | "$ID" | "…" => ID.to_owned(),
        word => word.trim_end_matches(']').trim_start_matches('[').to_owned(),
    });
    let error = Cli::try_parse_from(std::iter::once("palabre".to_owned()).chain(filled)).err()?;
    let has_places = arguments.iter().any(|word| word.contains('…') || word.contains('$'));
    let is_beginning = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        _ if is_mention && is_beginning => None,
        ErrorKind::ValueValidation if has_places => None,
        _ => Some(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// Everything in a document that is no command of this program.
fn complaints(path: &str, markdown: &str) -> (usize, Vec<String>) {
    let (mut count, mut complaints) = (0, Vec::new());
    let mut check = |arguments: &[String], is_mention: bool| {
        count += 1;
        if let Some(why) = refused(arguments, is_mention) {
            complaints.push(format!("{path}: palabre {}: {why}", arguments.join(" ")));
        }
    };
    for shown in shown(markdown) {
        match shown {
            Shown::Line(line) => {
                if let Some(arguments) = arguments(&line) {
                    check(&arguments, false);
                }
            }
            // `outbox list | show | replay`: one after the other.
            Shown::Mention(span) => {
                let mut parts = span.split(" | ");
                let Some(first) = parts.next().and_then(arguments) else { continue };
                check(&first, true);
                let before = &first[..first.len().saturating_sub(1)];
                for other in parts {
                    check(&[before, &words(other)].concat(), true);
                }
            }
        }
    }
    (count, complaints)
}

#[test]
fn every_command_in_the_documents_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("docs"), root.to_owned()];
    let (mut count, mut found) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                let shown = path.strip_prefix(root).unwrap().display().to_string();
                let (commands, complaints) = complaints(&shown, &text);
                count += commands;
                found.extend(complaints);
            }
        }
    }
    // Decisions tell what was, too.
    found.retain(|complaint| !complaint.starts_with("docs/decisions/"));
    assert!(count > 150, "{count}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_no_command_is_seen() {
    let text = "`palabre outbox list | shew` `palabre check --confg x` `palabre outbox` `palabre explain`\n\n\
        ```sh\nA=b palabre explain ID --shout | jq .   # history\npalabre explain\ncargo run --release -- demo --loud\npalabre optout add --tenant t \
        whatsapp:+33612345678 --evidence 'a; b'\nls\n```\n";
    let (count, complaints) = complaints("a.md", text);
    assert_eq!(count, 9, "{complaints:?}");
    let commands: Vec<&str> = complaints.iter().filter_map(|told| told.split(": ").nth(1)).collect();
    let expected = [
        "palabre outbox shew",
        "palabre check --confg x",
        "palabre explain ID --shout",
        "palabre explain",
        "palabre demo --loud",
    ];
    assert_eq!(commands, expected, "{complaints:?}");
}
