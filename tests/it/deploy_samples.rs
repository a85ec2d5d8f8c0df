//! Samples for deployment, continued: the console behind nginx, the Debian package, the list of what is inside.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use palabre::config::{Config, Environment};
use palabre::gateway::PROVIDERS;
use palabre_testbed::nginx;
use serde_json::Value;

use crate::console::add_user;
use crate::daemon::{Setup, World};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn nginx_passes_the_console_on_and_slows_down_who_guesses_passwords() {
    let world = World::start_on(&Setup::default());
    add_user(&world, "awa@belle.example", "Awa", ("belle", "owner"));
    // Where things are, as the testbed expects it of the other sample.
    let sample = read("config/nginx/console.conf")
        .replace("console.example.com", "hooks.example.com")
        .replace("127.0.0.1:9090", "127.0.0.1:8080")
        .replace("/var/log/nginx/palabre-console.log", "/var/log/nginx/palabre.log");
    let front = nginx::Server::start(&sample, &[world.port()]);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let status = async |path: &str| {
        client.get(format!("{}{path}", front.url())).send().await.expect("an answer").status().as_u16()
    };
    for (path, expected) in [
        ("/console/conversations", 303),
        ("/api/v1/outbox", 401),
        ("/api/v1/openapi.json", 200),
        ("/metrics", 404),
        ("/api/health", 404),
        ("/readyz", 404),
        ("/webhooks/twilio-whatsapp/belle/status-check", 404),
        ("/consoles", 404),
    ] {
        assert_eq!(status(path).await, expected, "{path}");
    }
    let mut told = Vec::new();
    for _ in 0..20 {
        told.push(status("/console/login").await);
    }
    assert_eq!(told[0], 200);
    assert!(told.contains(&429), "{told:?}");
    assert_eq!(status("/console/conversations").await, 303, "others go on");
    let log = front.access_log();
    assert!(!log.contains("/console"), "paths stay out of the log: {log}");
}

/// `[package.metadata.deb]`, as cargo-deb reads it.
fn package() -> toml_edit::DocumentMut {
    read("Cargo.toml").parse().expect("TOML")
}

/// Builds the package as cargo-deb does, from the same list, with Debian's own tool.
fn debian_package(folder: &Path) -> PathBuf {
    let manifest = package();
    let deb = &manifest["package"]["metadata"]["deb"];
    let root = folder.join("root");
    for asset in deb["assets"].as_array().expect("a list") {
        let asset = asset.as_array().expect("source, destination, mode");
        let part = |number: usize| asset.get(number).and_then(|part| part.as_str()).expect("a text");
        let (source, target, mode) = (part(0), root.join(part(1)), part(2));
        let mode = u32::from_str_radix(mode, 8).expect("a mode");
        let built = Path::new(env!("CARGO_BIN_EXE_palabre"));
        let sources: Vec<PathBuf> = match source {
            "target/release/palabre" => vec![built.to_owned()],
            source => match source.strip_suffix("/*") {
                None => vec![Path::new(ROOT).join(source)],
                Some(folder) => {
                    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).expect("a folder");
                    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect()
                }
            },
        };
        assert!(!sources.is_empty(), "{source}");
        for source in sources {
            let target =
                if part(1).ends_with('/') { target.join(source.file_name().expect("a name")) } else { target.clone() };
            std::fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
            std::fs::copy(&source, &target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(mode)).expect("ours");
        }
    }
    let control = root.join("DEBIAN");
    std::fs::create_dir_all(&control).expect("a folder");
    let text = |key: &str| deb[key].as_str().unwrap_or_else(|| panic!("{key}")).to_owned();
    let fields = format!(
        "Package: {}\nVersion: 0.0.0\nArchitecture: all\nMaintainer: {}\nSection: {}\nPriority: {}\nDepends: {}\nDescription: {}\n",
        text("name"),
        text("maintainer"),
        text("section"),
        text("priority"),
        text("depends").replace("$auto, ", ""),
        "Palabre",
    );
    std::fs::write(control.join("control"), fields).expect("a file");
    let kept = deb["conf-files"].as_array().expect("a list").iter();
    let kept: String = kept.map(|file| format!("{}\n", file.as_str().expect("a path"))).collect();
    std::fs::write(control.join("conffiles"), kept).expect("a file");
    let scripts = Path::new(ROOT).join(deb["maintainer-scripts"].as_str().expect("a folder"));
    for name in ["postinst", "postrm", "prerm"] {
        let script = scripts.join(name);
        let checked = Command::new("sh").arg("-n").arg(&script).status().expect("a shell");
        assert!(checked.success(), "{}", script.display());
        std::fs::copy(&script, control.join(name)).expect("a file");
        std::fs::set_permissions(control.join(name), std::fs::Permissions::from_mode(0o755)).expect("ours");
    }
    let file = folder.join("palabre.deb");
    let made =
        Command::new("dpkg-deb").args(["--root-owner-group", "-Znone", "--build"]).arg(&root).arg(&file).output();
    let made = made.expect("dpkg-deb is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    file
}

#[test]
fn the_debian_package_has_what_it_needs_and_its_program_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = debian_package(folder.path());
    let there = folder.path().join("there");
    let out = Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&there).output().expect("dpkg-deb is there");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let program = there.join("usr/bin/palabre");
    let said = Command::new(&program).arg("--version").output().expect("it runs");
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("palabre "));
    // The configuration is the operator's, and holds as it comes.
    let config = there.join("etc/palabre/palabre.toml");
    std::fs::create_dir_all(there.join("etc/palabre/tenants")).expect("a folder");
    let checked = Command::new(&program).args(["check", "--json", "--config"]).arg(&config).output().expect("it runs");
    assert!(
        checked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
    for path in [
        "usr/share/doc/palabre/operations.md",
        "usr/share/doc/palabre/runbooks/backup.md",
        "usr/share/doc/palabre/config/nginx/palabre.conf",
    ] {
        assert!(there.join(path).exists(), "{path}");
    }
    // The unit is the one that the tests of `deploy` have systemd judge, but for where a package puts its program.
    let unit = std::fs::read_to_string(there.join("usr/lib/systemd/system/palabre.service")).expect("a file");
    assert_eq!(unit, read("config/systemd/palabre.service").replace("/usr/local/bin/", "/usr/bin/"));
    let info = Command::new("dpkg-deb").arg("--info").arg(&file).arg("conffiles").output().expect("dpkg-deb is there");
    assert_eq!(String::from_utf8_lossy(&info.stdout), "/etc/palabre/palabre.toml\n");
}

/// The list of what is inside: every crate of Cargo.lock that is linked, with its licence and its checksum.
#[test]
fn the_software_bill_of_materials_names_what_is_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sbom.json");
    let made = Command::new(Path::new(ROOT).join(".ci/sbom")).arg(&file).current_dir(ROOT).output().expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let sbom: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!((sbom["bomFormat"].as_str(), sbom["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));
    let components = sbom["components"].as_array().expect("a list");
    let names: BTreeSet<&str> = components.iter().filter_map(|part| part["name"].as_str()).collect();
    for linked in ["actix-web", "rustls", "ring", "sea-orm", "palabre-actors"] {
        assert!(names.contains(linked), "{linked}");
    }
    for of_tests in ["proptest", "criterion", "fantoccini", "palabre-testbed"] {
        assert!(!names.contains(of_tests), "{of_tests}");
    }
    for part in components {
        let name = part["name"].as_str().expect("a name");
        assert!(part["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:cargo/")), "{part}");
        assert!(part["licenses"][0]["expression"].is_string(), "{name} has no licence");
        let is_ours = name.starts_with("palabre");
        assert_eq!(part["hashes"][0]["alg"] == "SHA-256", !is_ours, "{part}");
    }
    let known: BTreeSet<&str> = components.iter().filter_map(|part| part["bom-ref"].as_str()).collect();
    for dependency in sbom["dependencies"].as_array().expect("a list") {
        let on = dependency["dependsOn"].as_array().expect("a list");
        assert!(on.iter().all(|on| on.as_str().is_some_and(|on| known.contains(on))), "{dependency}");
    }
}

#[test]
fn a_linter_finds_nothing_in_the_dockerfile() {
    let linter = Path::new(ROOT).join("tests/tools/venv/bin/hadolint");
    let said = Command::new(linter).args(["--no-color", "config/docker/Dockerfile"]).current_dir(ROOT).output();
    let said = said.expect("hadolint is there: run .ci/prepare");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}

/// What a hosting is told agrees with the image, and makes a configuration that holds.
#[test]
fn the_sample_for_a_hosting_agrees_with_the_image() {
    let sample: toml_edit::DocumentMut = read("config/fly/fly.toml").parse().expect("TOML");
    let text = |value: &toml_edit::Item| value.as_str().map(str::to_owned).expect("a text");
    let dockerfile = Path::new(ROOT).join("config/fly").join(text(&sample["build"]["dockerfile"]));
    let dockerfile = std::fs::read_to_string(dockerfile).expect("the image's file");
    assert_eq!(sample["http_service"]["internal_port"].as_integer(), Some(8080));
    assert!(dockerfile.contains("EXPOSE 8080 9090") && sample["metrics"]["port"].as_integer() == Some(9090));
    let mounts = sample["mounts"].as_array_of_tables().expect("mounts");
    assert!(mounts.iter().all(|mount| dockerfile.contains(&format!("VOLUME {}", text(&mount["destination"])))));
    let mut variables: Vec<(String, String)> = Vec::new();
    for (name, value) in sample["env"].as_table().expect("a table").iter() {
        variables.push((name.to_owned(), text(value)));
    }
    let tenants = tempfile::tempdir().expect("a folder");
    variables.push(("PALABRE__TENANTS__DIR".to_owned(), tenants.path().display().to_string()));
    let environment: Environment = variables.into_iter().collect();
    let file = Path::new(ROOT).join("config/palabre.toml");
    let loaded =
        Config::load_without_secrets(&file, &environment, &PROVIDERS).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.config.http.public_base_url.as_deref(), Some("https://palabre.fly.dev"));
    assert_eq!(loaded.config.http.trusted_proxies.len(), 1);
}

/// What the public listener has beside health is passed on by both proxies.
#[test]
fn both_proxies_pass_on_every_public_page() {
    let (nginx, caddy) = (read("config/nginx/palabre.conf"), read("config/caddy/Caddyfile"));
    let sources =
        ["src/http/listener.rs", "src/http/calendars.rs", "src/http/person_pages.rs", "src/http/plan_pages/mod.rs"];
    let mut pages = BTreeSet::new();
    for source in sources.map(read) {
        for call in source.split("routes.get").skip(1) {
            let path = call.split('"').nth(1).unwrap_or_default();
            pages.extend(path.strip_prefix('/').and_then(|path| Some(path.split_once('/')?.0.to_owned())));
        }
    }
    pages.remove("api");
    assert!(pages.len() >= 4 && pages.contains("media"), "{pages:?}");
    let (_, passed) = nginx.split_once("location ~ ^/(p|").expect("the pages' location");
    let passed = format!("p|{}", passed.split_once(')').expect("its end").0);
    for page in pages {
        assert!(passed.split('|').any(|known| known == page), "nginx: {page}");
        assert!(caddy.contains(&format!(" /{page}/*")), "caddy: {page}");
    }
}
