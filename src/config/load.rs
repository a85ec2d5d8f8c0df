//! Loads a configuration: its layers, its files, and the order of all checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::channel::Reading;
use super::document::{Document, Scope};
use super::environment::Environment;
use super::lease::LongestCall;
use super::problem::{ConfigErrors, Location, Problem, Problems, Severity, plainly};
use super::raw::{RawConfig, RawTenant};
use super::secret::Secrets;
use super::section::{Providers, take_own_keys};
use super::source::{Source, join};
use super::types::Config;
use super::unique::Claims;
use super::{api, daemon, paid_access, tenant};

/// The lowest layer: every key of the daemon's file with its default and what it means.
pub const DEFAULTS: &str = include_str!("../../config/palabre.toml");

/// What a variable must begin with to override a key: `PALABRE__HTTP__LISTEN` is `http.listen`.
const PREFIX: &str = "PALABRE__";

/// No file of ours is near this; whatever is longer is some other file.
const LONGEST_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A configuration that holds, and doubts about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to run with.
    pub config: Config,
    /// What probably does not do what was meant.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Loads a configuration file and the tenants' files that it names. Relative paths, wherever they are written, start
    /// in the folder of `path`.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, at once.
    pub fn load(path: &Path, environment: &Environment, providers: &dyn Providers) -> Result<Loaded, ConfigErrors> {
        Self::read(path, environment, providers, false)
    }

    /// [`Config::load`] for commands that talk to no provider: secrets are left where they are, and are empty in the
    /// result, so that whoever runs the command need not be able to read them.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_without_secrets(
        path: &Path,
        environment: &Environment,
        providers: &dyn Providers,
    ) -> Result<Loaded, ConfigErrors> {
        Self::read(path, environment, providers, true)
    }

    fn read(
        path: &Path,
        environment: &Environment,
        providers: &dyn Providers,
        no_secrets: bool,
    ) -> Result<Loaded, ConfigErrors> {
        let problems = Problems::default();
        let folder = path.parent().unwrap_or(Path::new(""));
        let help = "name the daemon's configuration with `--config FILE`";
        let Some(text) = read(path, help, &problems) else {
            return finish(None, problems);
        };
        // Absolute, so that changing the working directory later changes nothing.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let main = Main::read(&path.display().to_string(), &text, environment, &problems);
        let config = main.and_then(|main| {
            let root = Scope::root(&main.document, &problems);
            let shown = path.parent().unwrap_or(Path::new(""));
            let tenants = daemon::tenants_folder(&root, &main.raw, shown);
            // Where a file that is not TOML wanted its tenants nobody knows; where they usually are they are looked at.
            let tenants = tenants.filter(|tenants| main.is_toml || tenants.is_dir());
            let files = tenants.and_then(|tenants| tenant_files(&tenants, &root, &problems));
            let secrets = Secrets { environment, folder: &folder, left_out: no_secrets };
            build(&main, files.as_deref(), Reading { secrets, providers }, &problems)
        });
        finish(config, problems)
    }

    /// [`Config::load`] with the environment of this process.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from_process(path: &Path, providers: &dyn Providers) -> Result<Loaded, ConfigErrors> {
        Self::load(path, &Environment::from_process(), providers)
    }

    /// The same validation for texts that are not in files: `main` is the daemon's, `tenants` are (name, text). Relative
    /// paths start in the working directory.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml_texts(
        main: &str,
        tenants: &[(&str, &str)],
        environment: &Environment,
        providers: &dyn Providers,
    ) -> Result<Loaded, ConfigErrors> {
        let problems = Problems::default();
        let main = Main::read("palabre.toml", main, environment, &problems);
        let file =
            |(name, text): &(&str, &str)| TenantFile { name: (*name).to_owned(), text: Some((*text).to_owned()) };
        let files: Vec<TenantFile> = tenants.iter().map(file).collect();
        let secrets = Secrets { environment, folder: Path::new(""), left_out: false };
        let config = main.and_then(|main| build(&main, Some(&files), Reading { secrets, providers }, &problems));
        finish(config, problems)
    }
}

/// The daemon's own file with its layers merged.
struct Main {
    document: Document,
    raw: RawConfig,
    /// Whether the operator's file could be read; else the defaults stand here, so that the tenants are looked at too.
    is_toml: bool,
}

impl Main {
    fn read(name: &str, text: &str, environment: &Environment, problems: &Problems) -> Option<Self> {
        let (_, defaults) = Source::parse("the built-in defaults", DEFAULTS, problems);
        let (source, file) = Source::parse(name, text, problems);
        let is_toml = file.is_some();
        let (overrides, variables) = overrides(environment, problems);
        let layers = Figment::new()
            .merge(Layer { name: "defaults", tree: defaults? })
            .merge(Layer { name: "file", tree: file.unwrap_or_default() })
            .merge(Layer { name: "environment", tree: overrides });
        // Merging trees cannot fail: whatever is wrong with them shows when they are read.
        let merged: Dict = layers.extract().unwrap_or_default();
        let document = Document::new(source, variables);
        let raw = document.read(merged, problems);
        Some(Self { document, raw, is_toml })
    }
}

/// `tenants` are the tenants' files. `None`: nobody knows which there are, which was reported.
fn build(main: &Main, tenants: Option<&[TenantFile]>, reading: Reading<'_>, problems: &Problems) -> Option<Config> {
    let secrets = reading.secrets;
    let root = Scope::root(&main.document, problems);
    let (config, lease) = daemon::config(&root, &main.raw, secrets.folder);
    let (mut claims, mut calls) = (Claims::default(), LongestCall::default());
    let mut valid = Vec::new();
    let mut known = api::KnownTenants { ids: Vec::new(), are_all: tenants.is_some() };
    for file in tenants.unwrap_or_default() {
        let read = file.text.as_deref().map(|text| Source::parse(&file.name, text, problems));
        let Some((source, Some(mut tree))) = read else {
            known.are_all = false;
            continue;
        };
        let document = Document::new(source, BTreeMap::new());
        let own = take_own_keys(&mut tree);
        let raw: RawTenant = document.read(tree, problems);
        let root = Scope::root(&document, problems);
        claims.ids(&root, &raw);
        known.note(raw.id.as_deref());
        let id = tenant::id(&root, &raw);
        let channels = tenant::channels(&root, (&raw, own), id.as_ref(), reading);
        claims.senders(&root, &channels);
        calls.note(&root, &channels);
        valid.extend(tenant::tenant(&root, &raw, id, channels, reading));
    }
    if tenants.is_some_and(<[_]>::is_empty) && main.is_toml {
        root.warning(
            "tenants.dir",
            "there are no tenants: every webhook will get 404".to_owned(),
            "add a file to the tenants' folder",
        );
    }
    // What a file that is not TOML says of its lease nobody knows.
    calls.is_outlasted_by(&root, lease.filter(|_| main.is_toml));
    let api = api::api(&root.table("api"), &main.raw.api, &known, secrets);
    let stripe = paid_access::platform(&root.table("stripe"), &main.raw.stripe, secrets);
    Some(Config { tenants: valid, api: api?, stripe: stripe?, ..config? })
}

fn finish(config: Option<Config>, problems: Problems) -> Result<Loaded, ConfigErrors> {
    let refused = problems.any_errors();
    if config.is_none() && !refused {
        // A validator that gives nothing has said why; should one ever not, nothing half-valid may start.
        problems.unreadable("configuration", "the configuration does not hold".to_owned(), "please report this");
    }
    let problems = problems.sorted();
    match config {
        Some(config) if !refused => Ok(Loaded { config, warnings: problems }),
        _ => Err(ConfigErrors { problems }),
    }
}

/// One business's file as it was found.
struct TenantFile {
    name: String,
    /// `None`: it cannot be read, which was reported.
    text: Option<String>,
}

/// The tenants' files, in the order of their names. `None`: their folder cannot be read, which was reported.
fn tenant_files(folder: &Path, root: &Scope<'_>, problems: &Problems) -> Option<Vec<TenantFile>> {
    let refused = |error: &std::io::Error, help: &str| {
        let reason = format!("the tenants' folder `{}` cannot be read: {}", folder.display(), plainly(error.kind()));
        root.error("tenants.dir", reason, help);
    };
    let help = "create it, or point `tenants.dir` elsewhere; it is relative to palabre.toml";
    let entries = std::fs::read_dir(folder).map_err(|error| refused(&error, help)).ok()?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => refused(&error, ""),
        }
    }
    // Editors leave hidden copies beside the file that they write.
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !hidden(path));
    paths.sort();
    let named = |path: &PathBuf| {
        let text = read(path, "make it readable for the user that runs palabre", problems);
        TenantFile { name: path.display().to_string(), text }
    };
    Some(paths.iter().map(named).collect())
}

fn read(path: &Path, help: &str, problems: &Problems) -> Option<String> {
    let name = path.display().to_string();
    let too_long = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LONGEST_FILE_BYTES);
    if too_long {
        problems.unreadable(&name, "this file is far too long for a configuration".to_owned(), help);
        return None;
    }
    match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
                let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
                problems.unreadable(&name, format!("line {line} is not UTF-8"), "save the file as UTF-8");
                None
            }
        },
        Err(error) => {
            problems.unreadable(&name, format!("cannot be read: {}", plainly(error.kind())), help);
            None
        }
    }
}

/// `PALABRE__A__B=value` as a tree, and which variable set which path.
fn overrides(environment: &Environment, problems: &Problems) -> (Dict, BTreeMap<String, String>) {
    let mut tree = Dict::new();
    let mut variables = BTreeMap::new();
    for (name, value) in environment.iter() {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        let steps: Vec<String> = key.split("__").map(str::to_lowercase).collect();
        if steps.iter().any(String::is_empty) {
            problems.add(Problem {
                severity: Severity::Error,
                place: Location::Variable(name.to_owned()),
                key: String::new(),
                reason: format!("`{name}` names no key"),
                help: Some("write it like PALABRE__HTTP__LISTEN".to_owned()),
                excerpt: None,
            });
            continue;
        }
        // The same reading as figment's own: `true`, `8`, `["a", "b"]` are what they look like, the rest is text.
        let Ok(value) = value.parse::<Value>();
        let Some(path) = insert(&mut tree, &steps, value.clone()) else { continue };
        say_who(&mut variables, path, &value, name);
    }
    (tree, variables)
}

/// Puts a value where its steps lead; a value in the way of a table makes room for it.
fn insert(tree: &mut Dict, steps: &[String], value: Value) -> Option<String> {
    let (last, tables) = steps.split_last()?;
    let mut at = tree;
    for step in tables {
        let next = at.entry(step.clone()).or_insert_with(|| Value::from(Dict::new()));
        if next.as_dict().is_none() {
            *next = Value::from(Dict::new());
        }
        at = match next {
            Value::Dict(_, table) => table,
            _ => return None,
        };
    }
    at.insert(last.clone(), value);
    Some(steps.iter().fold(String::new(), |path, step| join(&path, step)))
}

/// Notes which variable set a path, and what is in the table that it set.
fn say_who(variables: &mut BTreeMap<String, String>, path: String, value: &Value, name: &str) {
    for (key, value) in value.as_dict().into_iter().flatten() {
        say_who(variables, join(&path, key), value, name);
    }
    variables.insert(path, name.to_owned());
}

/// One layer as figment merges it.
struct Layer {
    name: &'static str,
    tree: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.tree.clone())]))
    }
}
