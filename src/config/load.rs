//! Loads a configuration: its layers, its files, and the order of all checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::value::Dict;

use super::channel::Reading;
use super::document::{Document, Scope};
use super::environment::Environment;
use super::exposed::exposed;
use super::files_read::{ConfigFiles, FilesRead, tenant_paths};
use super::layers::{Layer, overrides};
use super::lease::LongestCall;
use super::problem::{ConfigErrors, Location, Problem, Problems, Severity, plainly};
use super::raw::{RawConfig, RawTenant};
use super::secret::Secrets;
use super::section::{Providers, take_own_keys};
use super::source::Source;
use super::types::Config;
use super::unique::Claims;
use super::{api, daemon, paid_access, tenant};

/// The lowest layer: every key of the daemon's file with its default and what it means.
pub const DEFAULTS: &str = include_str!("../../config/palabre.toml");

/// No file of ours is near this; whatever is longer is some other file.
const LONGEST_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A configuration that holds, and doubts about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to run with.
    pub config: Config,
    /// What probably does not do what was meant.
    pub warnings: Vec<Problem>,
    /// What it was read from.
    pub files: ConfigFiles,
}

/// A configuration whose tenants were read again.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// What holds.
    pub loaded: Loaded,
    /// What is wrong with the tenants' files that do not hold: what they said before counts, if they were there before.
    pub refused: Vec<Problem>,
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

    /// [`Config::load`] as if one of the tenants' files, there or not, said something else.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(
        path: &Path,
        environment: &Environment,
        providers: &dyn Providers,
        (file, text): (&Path, &str),
    ) -> Result<Loaded, ConfigErrors> {
        let problems = Problems::default();
        let Some(main) = read(path, "", &problems) else { return finish(None, problems, FilesRead::default()) };
        let name = file.display().to_string();
        let with = |mut files: Vec<TenantFile>| {
            files.retain(|file| file.name != name);
            files.push(TenantFile { name: name.clone(), text: Some(text.to_owned()) });
            files.sort_by(|one, other| one.name.cmp(&other.name));
            files
        };
        Around { path, environment, providers, no_secrets: false }.read(&main, with)
    }

    /// The folder that the daemon's file names for its tenants, as [`Config::load`] names their files.
    #[must_use]
    pub fn tenants_folder(path: &Path, environment: &Environment) -> Option<PathBuf> {
        let problems = Problems::default();
        let text = read(path, "", &problems)?;
        let main = Main::read(&path.display().to_string(), &text, environment, &problems)?;
        let root = Scope::root(&main.document, &problems);
        daemon::tenants_folder(&root, &main.raw, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads the tenants' files again while the daemon runs. The daemon's own file counts as it was read before: what it
    /// says is for the next start. Where a tenant's file does not hold, and what it said before does, the others are taken
    /// over all the same.
    ///
    /// # Errors
    /// Everything that is wrong: nothing is to be taken over.
    pub fn reload(
        path: &Path,
        environment: &Environment,
        providers: &dyn Providers,
        before: &ConfigFiles,
    ) -> Result<Reloaded, ConfigErrors> {
        let around = Around { path, environment, providers, no_secrets: false };
        let errors = match around.read(&before.main, |files| files) {
            Ok(loaded) => return Ok(Reloaded { loaded, refused: Vec::new() }),
            Err(errors) => errors,
        };
        let is_wrong = |name: &str| {
            let is_at = |problem: &Problem| match &problem.place {
                Location::File(file) | Location::Line { file, .. } => file == name,
                Location::Variable(_) => false,
            };
            errors.problems.iter().any(|problem| problem.severity == Severity::Error && is_at(problem))
        };
        let as_before = |files: Vec<TenantFile>| {
            let kept = files.into_iter().filter_map(|file| match is_wrong(&file.name) {
                true => Some(TenantFile { text: Some(before.texts.get(&file.name)?.clone()), ..file }),
                false => Some(file),
            });
            kept.collect()
        };
        match around.read(&before.main, as_before) {
            Ok(loaded) => Ok(Reloaded { loaded, refused: errors.problems }),
            Err(_) => Err(errors),
        }
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
        let help = "name the daemon's configuration with `--config FILE`";
        let Some(text) = read(path, help, &problems) else {
            return finish(None, problems, FilesRead::default());
        };
        Around { path, environment, providers, no_secrets }.read(&text, |files| files)
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
        let read = FilesRead::default();
        let secrets = Secrets { environment, folder: Path::new(""), files: &read, left_out: false };
        let config = main.and_then(|main| build(&main, Some(&files), Reading { secrets, providers }, &problems));
        finish(config, problems, read)
    }
}

/// What a configuration is read with.
struct Around<'a> {
    path: &'a Path,
    environment: &'a Environment,
    providers: &'a dyn Providers,
    no_secrets: bool,
}

impl Around<'_> {
    /// Builds the configuration of the daemon's file and of the tenants' files, as `choose` leaves them.
    fn read(
        &self,
        text: &str,
        choose: impl FnOnce(Vec<TenantFile>) -> Vec<TenantFile>,
    ) -> Result<Loaded, ConfigErrors> {
        let (problems, read) = (Problems::default(), FilesRead::default());
        let shown = self.path.parent().unwrap_or(Path::new(""));
        // Absolute, so that changing the working directory later changes nothing.
        let folder = std::path::absolute(shown).unwrap_or_else(|_| shown.to_owned());
        let main = Main::read(&self.path.display().to_string(), text, self.environment, &problems);
        let config = main.and_then(|main| {
            let root = Scope::root(&main.document, &problems);
            let tenants = daemon::tenants_folder(&root, &main.raw, shown);
            // Where a file that is not TOML wanted its tenants nobody knows; where they usually are they are looked at.
            let tenants = tenants.filter(|tenants| main.is_toml || tenants.is_dir());
            read.main(text, tenants.as_deref());
            let files = tenants.and_then(|tenants| tenant_files(&tenants, &root, &problems)).map(choose);
            let secrets =
                Secrets { environment: self.environment, folder: &folder, files: &read, left_out: self.no_secrets };
            build(&main, files.as_deref(), Reading { secrets, providers: self.providers }, &problems)
        });
        let mut loaded = finish(config, problems, read)?;
        let open_to_others = exposed(&loaded.config, &loaded.files, self.path);
        loaded.warnings.extend(open_to_others);
        Ok(loaded)
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
    let (config, lease) = daemon::config(&root, &main.raw, secrets);
    let (mut claims, mut calls) = (Claims::default(), LongestCall::default());
    let mut valid = Vec::new();
    let mut known = api::KnownTenants { ids: Vec::new(), are_all: tenants.is_some() };
    for file in tenants.unwrap_or_default() {
        let read = file.text.as_deref().map(|text| Source::parse(&file.name, text, problems));
        let Some((source, Some(mut tree))) = read else {
            known.are_all = false;
            continue;
        };
        secrets.files.begin(&file.name, file.text.as_deref().unwrap_or_default());
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
        valid.extend(tenant::tenant(&root, &raw, id.clone(), channels, reading));
        secrets.files.end(&file.name, id.as_ref());
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
    let has_public_url = main.raw.http.public_base_url.is_some() || root.table("http").is_incomplete("public_base_url");
    let stripe = paid_access::platform(&root.table("stripe"), &main.raw.stripe, secrets, has_public_url);
    Some(Config { tenants: valid, api: api?, stripe: stripe?, ..config? })
}

fn finish(config: Option<Config>, problems: Problems, read: FilesRead) -> Result<Loaded, ConfigErrors> {
    let refused = problems.any_errors();
    if config.is_none() && !refused {
        // A validator that gives nothing has said why; should one ever not, nothing half-valid may start.
        problems.unreadable("configuration", "the configuration does not hold".to_owned(), "please report this");
    }
    let problems = problems.sorted();
    match config {
        Some(config) if !refused => Ok(Loaded { config, warnings: problems, files: read.finish() }),
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
    let paths = tenant_paths(folder).map_err(|error| refused(&error, help)).ok()?;
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
