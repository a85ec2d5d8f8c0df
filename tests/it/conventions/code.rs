//! What a Rust file names: paths, identifiers, texts and tests, read from its tokens, so that comments and texts cannot
//! be taken for code nor code for texts.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::tree::Tree;

/// The macros that make tests of a list of cases.
const SUITES: [&str; 2] = ["store_conformance", "on_both"];

/// One file, read.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) path: String,
    /// Paths as they are written, `use` trees taken apart.
    pub(super) paths: Vec<Named>,
    /// String literals, as they are written.
    pub(super) texts: Vec<(usize, String)>,
    /// Every identifier.
    pub(super) words: Vec<(usize, String)>,
    /// Functions that carry a `#[test]` of some kind.
    pub(super) tests: BTreeSet<String>,
    /// Types and modules that are defined here.
    pub(super) definitions: Vec<Definition>,
    /// The line of a definition that was read with its `pub`.
    after_pub: Option<usize>,
}

/// A type, a trait or a module where it is defined.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) in_test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    /// A type or a trait that is visible in its whole crate, or outside of it.
    PublicType,
    PrivateType,
}

/// A path in code.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) line: usize,
    /// The module in which it stands: `["store", "tests"]`.
    pub(super) module: Vec<String>,
    /// Whether it stands in test code.
    pub(super) in_test: bool,
    pub(super) segments: Vec<String>,
}

/// What the attributes in front of an item say.
#[derive(Clone, Copy, Default)]
struct Attributes {
    test: bool,
    only_for_tests: bool,
}

/// Where the walk is.
#[derive(Clone)]
struct Position {
    module: Vec<String>,
    in_test: bool,
}

impl Code {
    /// Every Rust file of the tree.
    pub(super) fn all(tree: &Tree) -> Vec<Self> {
        tree.with_ending(".rs").map(|(path, text)| Self::read(path, text)).collect()
    }

    pub(super) fn read(path: &str, text: &str) -> Self {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let module = module_of(path);
        let in_test = path.starts_with("tests/") || module.iter().any(|name| name == "tests");
        let mut code = Self { path: path.to_owned(), ..Self::default() };
        code.walk(tokens, &Position { module, in_test });
        code
    }

    fn walk(&mut self, tokens: TokenStream, position: &Position) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut attributes = Attributes::default();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let here = Position { in_test: position.in_test || attributes.only_for_tests, ..position.clone() };
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    at += 1;
                    if matches!(tokens.get(at), Some(TokenTree::Punct(bang)) if bang.as_char() == '!') {
                        at += 1;
                    }
                    if let Some(TokenTree::Group(group)) = tokens.get(at) {
                        self.attribute(group.stream(), &mut attributes, &here);
                        at += 1;
                    }
                }
                TokenTree::Punct(punct) => {
                    if punct.as_char() == ';' {
                        attributes = Attributes::default();
                    }
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    self.texts.push((literal.span().start().line, literal.to_string()));
                    at += 1;
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), &here);
                    if group.delimiter() == Delimiter::Brace {
                        attributes = Attributes::default();
                    }
                    at += 1;
                }
                TokenTree::Ident(word) => at += self.word(&word.to_string(), &tokens[at..], attributes, &here),
            }
        }
    }

    /// Reads what an identifier begins; answers how many tokens that were.
    fn word(&mut self, word: &str, tokens: &[TokenTree], attributes: Attributes, position: &Position) -> usize {
        let line = tokens[0].span().start().line;
        self.words.push((line, word.to_owned()));
        self.define(word, tokens, position);
        match (word, tokens.get(1), tokens.get(2)) {
            ("use", Some(_), _) => {
                let end = tokens.iter().position(|token| is_punct(token, ';')).unwrap_or(tokens.len());
                self.use_tree(&tokens[1..end], &[], position);
                end
            }
            ("mod", Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                let name = name.to_string();
                let in_test = position.in_test || name == "tests";
                let module = position.module.iter().cloned().chain([name]).collect();
                self.walk(body.stream(), &Position { module, in_test });
                3
            }
            ("fn", Some(TokenTree::Ident(name)), _) if attributes.test => {
                self.tests.insert(name.to_string());
                2
            }
            _ => {
                let (segments, taken) = plain_path(tokens);
                self.words.extend(segments.iter().skip(1).map(|segment| (line, segment.clone())));
                if segments.last().is_some_and(|name| SUITES.contains(&name.as_str())) {
                    self.cases(&tokens[taken..]);
                }
                if segments.len() > 1 {
                    self.name(line, segments, position);
                }
                taken
            }
        }
    }

    /// Notes the type or module whose definition begins here. `pub` is read together with what follows it.
    fn define(&mut self, word: &str, tokens: &[TokenTree], position: &Position) {
        let (public, at) = match (word, tokens.get(1)) {
            ("pub", Some(TokenTree::Group(scope))) => (scope.stream().to_string() == "crate", 2),
            ("pub", _) => (true, 1),
            _ => (false, 0),
        };
        let (Some(TokenTree::Ident(keyword)), Some(TokenTree::Ident(name))) = (tokens.get(at), tokens.get(at + 1))
        else {
            return;
        };
        let kind = match keyword.to_string().as_str() {
            "mod" => Kind::Module,
            "struct" | "enum" | "trait" | "type" | "union" if public => Kind::PublicType,
            "struct" | "enum" | "trait" | "type" | "union" => Kind::PrivateType,
            _ => return,
        };
        let (line, name) = (name.span().start().line, name.to_string());
        // After `pub`, the walk comes to the keyword again.
        if at > 0 {
            self.after_pub = Some(line);
        } else if self.after_pub.take() == Some(line) {
            return;
        }
        self.definitions.push(Definition { line, name, kind, in_test: position.in_test });
    }

    /// `!(…: a, b, c,)`: tests that a macro makes of a list of names.
    fn cases(&mut self, tokens: &[TokenTree]) {
        let [bang, TokenTree::Group(list), ..] = tokens else { return };
        if is_punct(bang, '!') {
            let tokens: Vec<TokenTree> = list.stream().into_iter().collect();
            let has_commas = tokens.iter().any(|token| is_punct(token, ','));
            let is_name = |at: usize| !has_commas || tokens.get(at + 1).is_some_and(|next| is_punct(next, ','));
            self.tests.extend(tokens.iter().enumerate().filter_map(|(at, token)| match token {
                TokenTree::Ident(name) if is_name(at) => Some(name.to_string()),
                _ => None,
            }));
        }
    }

    fn name(&mut self, line: usize, segments: Vec<String>, position: &Position) {
        self.paths.push(Named { line, module: position.module.clone(), in_test: position.in_test, segments });
    }

    fn attribute(&mut self, inside: TokenStream, attributes: &mut Attributes, position: &Position) {
        let tokens: Vec<TokenTree> = inside.clone().into_iter().collect();
        let (segments, taken) = plain_path(&tokens);
        match segments.last().map(String::as_str) {
            // A comment.
            Some("doc") => return,
            Some("test") => attributes.test = true,
            Some("cfg") => {
                let condition = tokens.get(taken).map(ToString::to_string).unwrap_or_default();
                attributes.only_for_tests |= condition.contains("test");
            }
            _ => {}
        }
        self.walk(inside, position);
    }

    /// `a::{b, c as d, e::*}`: each path to its end.
    fn use_tree(&mut self, tokens: &[TokenTree], before: &[String], position: &Position) {
        for branch in tokens.split(|token| is_punct(token, ',')) {
            let Some(first) = branch.first() else { continue };
            let line = first.span().start().line;
            let mut segments = before.to_vec();
            for token in branch {
                match token {
                    TokenTree::Ident(word) if word == "as" => break,
                    TokenTree::Ident(word) => {
                        self.words.push((token.span().start().line, word.to_string()));
                        segments.push(word.to_string());
                    }
                    TokenTree::Group(group) => {
                        let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.use_tree(&inside, &segments, position);
                        segments.clear();
                    }
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                }
            }
            if !segments.is_empty() {
                self.name(line, segments, position);
            }
        }
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// `a::b::c` at the beginning of the tokens, and how many tokens it is.
fn plain_path(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        segments.push(word.to_string());
        at += 1;
        let goes_on = matches!(tokens.get(at), Some(TokenTree::Punct(colon)) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint)
            && tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
        if !goes_on {
            break;
        }
        at += 2;
    }
    (segments, at.max(1))
}

/// The module that a file is: `src/store/writer/mod.rs` is `["store", "writer"]`.
pub(super) fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let mut module: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|name| name == "mod") || matches!(inside, "lib.rs" | "main.rs") {
        module.pop();
    }
    module
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r##"
        //! A comment that names crate::cli::run, with "SELECT 1".
        use crate::{config::{Config, fields::*}, http as web};
        use super::
            gateway;
        /// Not this one: [`crate::app`].
        fn plain<'a>(x: &'a str) -> char { crate::store::open::<u8>(x, "text // no comment", 'c', '\'') }
        #[cfg(test)]
        mod tests {
            use super::super::telemetry;
            #[tokio::test(flavor = "current_thread")]
            async fn waits() {}
            proptest! { #[test] fn holds(x in any::<u8>()) {} }
            fn no_test() {}
            $crate::store_conformance!(@cases $make, inbox: first_case, second_case,);
            other!(third_case,);
        }
    "##;

    #[test]
    fn a_file_is_read_as_it_is_compiled() {
        let code = Code::read("src/cli/serve.rs", FILE);
        let paths: Vec<(String, bool)> =
            code.paths.iter().map(|named| (named.segments.join("::"), named.in_test)).collect();
        let expected = [
            ("crate::config::Config", false),
            ("crate::config::fields", false),
            ("crate::http", false),
            ("super::gateway", false),
            ("crate::store::open", false),
            ("super::super::telemetry", true),
            ("tokio::test", true),
            ("crate::store_conformance", true),
        ];
        assert_eq!(paths, expected.map(|(path, in_test)| (path.to_owned(), in_test)));
        assert_eq!(code.paths[0].module, ["cli", "serve"]);
        assert_eq!(code.paths[5].module, ["cli", "serve", "tests"]);
        assert!(code.texts.contains(&(7, "\"text // no comment\"".to_owned())), "{:?}", code.texts);
        assert!(!code.texts.iter().any(|(_, text)| text.contains("SELECT")), "{:?}", code.texts);
        assert_eq!(code.tests.iter().collect::<Vec<_>>(), ["first_case", "holds", "make", "second_case", "waits"]);
    }

    #[test]
    fn definitions_are_read_with_their_visibility() {
        let text = "pub struct A; struct B;\nmod c; pub(crate) enum D {} pub(super) type E = A;\n#[cfg(test)] mod tests { pub trait F {} }";
        let code = Code::read("src/a.rs", text);
        let read: Vec<_> = code.definitions.iter().map(|of| (of.line, of.name.as_str(), of.kind, of.in_test)).collect();
        let expected = [
            (1, "A", Kind::PublicType, false),
            (1, "B", Kind::PrivateType, false),
            (2, "c", Kind::Module, false),
            (2, "D", Kind::PublicType, false),
            (2, "E", Kind::PrivateType, false),
            (3, "tests", Kind::Module, true),
            (3, "F", Kind::PublicType, true),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn modules_follow_their_files() {
        for (path, module) in [
            ("src/lib.rs", ""),
            ("src/main.rs", ""),
            ("src/app.rs", "app"),
            ("src/store/mod.rs", "store"),
            ("actors/src/domain/turn/tests/properties.rs", "domain/turn/tests/properties"),
        ] {
            assert_eq!(module_of(path).join("/"), module, "{path}");
        }
    }
}
