//! Layers, files, and the order in which everything is looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::document::{Document, Scope};
use super::environment::Environment;
use super::problem::{ConfigErrors, Place, Problem, Problems, Severity, plainly};
use super::raw::{RawConfig, RawTenant};
use super::secret::Secrets;
use super::source::{Source, join};
use super::types::{self, Config};
use super::unique::Claims;
use super::{api, daemon, tenant};

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
    pub fn load(path: &Path, environment: &Environment) -> Result<Loaded, ConfigErrors> {
        Self::read(path, environment, false)
    }

    /// [`Config::load`] for commands that talk to no provider: secrets are left where they are, and are empty in the
    /// result, so that whoever runs the command need not be able to read them.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_without_secrets(path: &Path, environment: &Environment) -> Result<Loaded, ConfigErrors> {
        Self::read(path, environment, true)
    }

    fn read(path: &Path, environment: &Environment, no_secrets: bool) -> Result<Loaded, ConfigErrors> {
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
            let files = match daemon::tenants_folder(&root, &main.raw, shown) {
                Some(tenants) => tenant_files(&tenants, &root, &problems),
                None => Vec::new(),
            };
            let secrets = Secrets { environment, folder: &folder, left_out: no_secrets };
            build(&main, &files, secrets, &problems)
        });
        finish(config, problems)
    }

    /// [`Config::load`] with the environment of this process.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from_process(path: &Path) -> Result<Loaded, ConfigErrors> {
        Self::load(path, &Environment::from_process())
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
    ) -> Result<Loaded, ConfigErrors> {
        let problems = Problems::default();
        let main = Main::read("palabre.toml", main, environment, &problems);
        let files: Vec<(String, String)> =
            tenants.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let secrets = Secrets { environment, folder: Path::new(""), left_out: false };
        let config = main.and_then(|main| build(&main, &files, secrets, &problems));
        finish(config, problems)
    }
}

/// The daemon's own file with its layers merged.
struct Main {
    document: Document,
    raw: RawConfig,
}

impl Main {
    fn read(name: &str, text: &str, environment: &Environment, problems: &Problems) -> Option<Self> {
        let (_, defaults) = Source::parse("the built-in defaults", DEFAULTS, problems);
        let (source, file) = Source::parse(name, text, problems);
        let (overrides, variables) = overrides(environment, problems);
        let layers = Figment::new()
            .merge(Layer { name: "defaults", tree: defaults? })
            .merge(Layer { name: "file", tree: file? })
            .merge(Layer { name: "environment", tree: overrides });
        // Merging trees cannot fail: whatever is wrong with them shows when they are read.
        let merged: Dict = layers.extract().unwrap_or_default();
        let document = Document::new(source, variables);
        let raw = document.read(merged, problems);
        Some(Self { document, raw })
    }
}

fn build(main: &Main, tenants: &[(String, String)], secrets: Secrets<'_>, problems: &Problems) -> Option<Config> {
    let root = Scope::root(&main.document, problems);
    let config = daemon::config(&root, &main.raw, secrets.folder);
    let mut claims = Claims::default();
    let mut valid = Vec::with_capacity(tenants.len());
    let mut ids = Vec::with_capacity(tenants.len());
    for (name, text) in tenants {
        let (source, tree) = Source::parse(name, text, problems);
        let Some(tree) = tree else { continue };
        let document = Document::new(source, BTreeMap::new());
        let raw: RawTenant = document.read(tree, problems);
        let root = Scope::root(&document, problems);
        claims.ids(&root, &raw);
        ids.extend(raw.id.clone());
        if let Some(tenant) = tenant::tenant(&root, &raw, secrets) {
            claims.senders(&root, &tenant);
            valid.push(tenant);
        }
    }
    if tenants.is_empty() {
        root.warning(
            "tenants.dir",
            "there are no tenants: every webhook will get 404".to_owned(),
            "add a file to the tenants' folder",
        );
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let api = api::api(&root.table("api"), &main.raw.api, &ids, secrets)?;
    let config = config.map(|config| Config { tenants: valid, api, ..config });
    config.inspect(|config| lease_outlasts_calls(&root, config))
}

/// A lease that runs out while its call is still on the wire has the message looked into, and sent again, too early.
fn lease_outlasts_calls(root: &Scope<'_>, config: &Config) {
    let channels = config.tenants.iter().flat_map(|tenant| &tenant.channels);
    let calls = channels.map(|channel| match &channel.provider {
        types::Provider::TwilioWhatsapp(account) | types::Provider::TwilioSms(account) => {
            (account.timeout, &channel.id)
        }
    });
    if let Some((timeout, channel)) = calls.max_by_key(|(timeout, _)| *timeout)
        && config.runtime.lease < timeout * 2
    {
        let timeout = humantime::format_duration(timeout);
        let message = format!("`runtime.lease` is shorter than two calls of {channel}, whose timeout is {timeout}");
        root.error("runtime.lease", message, "make it at least twice as long as the longest timeout");
    }
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

/// Names and texts of the tenants' files, in the order of their names.
fn tenant_files(folder: &Path, root: &Scope<'_>, problems: &Problems) -> Vec<(String, String)> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let reason =
                format!("the tenants' folder `{}` cannot be read: {}", folder.display(), plainly(error.kind()));
            root.error(
                "tenants.dir",
                reason,
                "create it, or point `tenants.dir` elsewhere; it is relative to palabre.toml",
            );
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => {
                let reason =
                    format!("the tenants' folder `{}` cannot be read: {}", folder.display(), plainly(error.kind()));
                root.error("tenants.dir", reason, "");
            }
        }
    }
    // Editors leave hidden copies beside the file that they write.
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !hidden(path));
    paths.sort();
    paths
        .iter()
        .filter_map(|path| {
            let text = read(path, "make it readable for the user that runs palabre", problems)?;
            Some((path.display().to_string(), text))
        })
        .collect()
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
                place: Place::Variable(name.to_owned()),
                key: String::new(),
                reason: format!("`{name}` names no key"),
                help: Some("write it like PALABRE__HTTP__LISTEN".to_owned()),
                excerpt: None,
            });
            continue;
        }
        // The same reading as figment's own: `true`, `8`, `["a", "b"]` are what they look like, the rest is text.
        let Ok(value) = value.parse::<Value>();
        let Some(path) = insert(&mut tree, &steps, value) else { continue };
        variables.insert(path, name.to_owned());
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
