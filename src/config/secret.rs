//! Secrets come from the environment or from files, and are never printed.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::document::Scope;
use super::environment::Environment;
use super::files_read::FilesRead;
use super::problem::plainly;
use super::raw::RawSecret;

/// Where secrets are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secrets<'a> {
    pub(super) environment: &'a Environment,
    /// Relative paths start here.
    pub(super) folder: &'a Path,
    /// Notes each file.
    pub(super) files: &'a FilesRead,
    /// Whether they are left where they are, for commands that need none: each is empty then.
    pub(super) left_out: bool,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One line: a password, a token, a key.
    Line,
    /// Certificates in PEM, which are several lines.
    Certificates,
}

impl Shape {
    /// A file longer than this is some other file: a secret is a line, a certificate some 2 kB.
    const fn longest_bytes(self) -> usize {
        match self {
            Self::Line => 8 * 1024,
            Self::Certificates => 64 * 1024,
        }
    }
}

impl Secrets<'_> {
    /// The secret that a key refers to. No complaint of this function shows any of it.
    pub(super) fn resolve(&self, scope: &Scope<'_>, key: &str, raw: &RawSecret) -> Option<SecretString> {
        self.read(scope, key, raw, Shape::Line)
    }

    /// The certificates in PEM that a key refers to; empty where secrets are left out.
    pub(super) fn certificates(&self, scope: &Scope<'_>, key: &str, raw: &RawSecret) -> Option<Vec<u8>> {
        let text = self.read(scope, key, raw, Shape::Certificates)?;
        Some(text.expose_secret().as_bytes().to_vec())
    }

    fn read(&self, scope: &Scope<'_>, key: &str, raw: &RawSecret, shape: Shape) -> Option<SecretString> {
        match (&raw.env, &raw.file) {
            (Some(_), None) | (None, Some(_)) if self.left_out => Some(SecretString::default()),
            (Some(name), None) => self.of_variable(scope, key, name, shape),
            (None, Some(path)) => self.of_file(scope, key, path, shape),
            (Some(_), Some(_)) => {
                scope.wrong(key, "names both a variable and a file", "keep one of `env` and `file`");
                None
            }
            // A misspelt `env` was reported as such.
            (None, None) if scope.is_incomplete(key) => None,
            (None, None) => {
                scope.required(
                    &format!("{key}.env"),
                    None::<()>,
                    "write `{ env = \"NAME\" }` or `{ file = \"path\" }`",
                );
                None
            }
        }
    }

    fn of_variable(&self, scope: &Scope<'_>, key: &str, name: &str, shape: Shape) -> Option<SecretString> {
        let Some(value) = self.environment.get(name) else {
            // What does not look like a variable's name may be the secret itself: it is not repeated.
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
                let help =
                    "`env` takes the name of a variable that is set, such as `BELLE_TOKEN`, not the secret itself";
                scope.error(key, format!("`{}` needs an environment variable that is not set", scope.name(key)), help);
                return None;
            }
            let reason = format!("`{}` needs the environment variable `{name}`, which is not set", scope.name(key));
            let help =
                format!("set it for the process that runs palabre (`export {name}=…`), or use `{{ file = \"path\" }}`");
            scope.error(key, reason, &help);
            return None;
        };
        usable(scope, key, (value, shape), &format!("the environment variable `{name}`"))
    }

    fn of_file(&self, scope: &Scope<'_>, key: &str, path: &str, shape: Shape) -> Option<SecretString> {
        let path = self.folder.join(path);
        // What names no file may be the secret itself: a path is repeated only if a file is there, or a folder for it.
        let has_folder = path.parent().is_some_and(|parent| parent != self.folder && parent.is_dir());
        if !has_folder && !path.is_file() {
            let help = "`file` takes a path such as `secrets/belle`, not the secret itself; relative paths start in the folder \
                        of palabre.toml";
            scope.error(key, format!("`{}` does not name a file that is there", scope.name(key)), help);
            return None;
        }
        let read = std::fs::read(&path);
        self.files.note(&path, read.as_deref().unwrap_or_default(), true);
        match read {
            Ok(bytes) if bytes.len() > shape.longest_bytes() => {
                scope.error(key, format!("`{}` is longer than any secret", path.display()), "is it the right file?");
                None
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => {
                    let text = text.strip_suffix('\n').unwrap_or(&text);
                    let text = text.strip_suffix('\r').unwrap_or(text);
                    usable(scope, key, (text, shape), &format!("the file `{}`", path.display()))
                }
                Err(_) => {
                    scope.error(key, format!("`{}` is not UTF-8 text", path.display()), "is it the right file?");
                    None
                }
            },
            Err(error) => {
                let reason =
                    format!("`{}` needs the file `{}`: {}", scope.name(key), path.display(), plainly(error.kind()));
                let help = "create it, with the secret as its only line, readable by the user that runs palabre; \
                            relative paths start in the folder of palabre.toml";
                scope.error(key, reason, help);
                None
            }
        }
    }
}

fn usable(scope: &Scope<'_>, key: &str, (value, shape): (&str, Shape), origin: &str) -> Option<SecretString> {
    if value.trim().is_empty() {
        scope.error(key, format!("{origin} is empty"), "put the secret into it");
        return None;
    }
    if shape == Shape::Certificates {
        if !value.contains("-----BEGIN CERTIFICATE-----") {
            let help = "certificates in PEM begin with `-----BEGIN CERTIFICATE-----`";
            scope.error(key, format!("{origin} has no certificate"), help);
            return None;
        }
        return Some(SecretString::from(value));
    }
    if value.chars().any(char::is_control) || value.trim() != value {
        let help = "a secret is one line; only a newline at the very end of a file is cut off";
        scope.error(key, format!("{origin} has line breaks, control characters, or spaces around the secret"), help);
        return None;
    }
    Some(SecretString::from(value))
}
