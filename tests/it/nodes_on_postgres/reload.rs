//! Three nodes over one folder: all come to the same version of the tenants' files.

use serde_json::Value;

use super::Nodes;
use crate::daemon::{BELLE, Setup, Waiting};

async fn versions(nodes: &Nodes) -> Vec<String> {
    let mut versions = Vec::new();
    for node in 0..nodes.world.nodes().len() {
        let (_, health) = nodes.text_of(node, "/api/health").await;
        let health: Value = serde_json::from_str(&health).expect("JSON");
        versions.push(health["components"]["configuration"]["version"].as_str().expect("a version").to_owned());
    }
    versions
}

#[tokio::test]
async fn three_nodes_come_to_the_same_version_and_answer_by_it() {
    let mut nodes = Nodes::start_on(Setup::default(), "250ms", None);
    nodes.world.start_another();
    let first = versions(&nodes).await;
    assert!(first.len() == 3 && first.iter().all(|version| *version == first[0]), "{first:?}");
    let path = nodes.world.config().with_file_name("tenants").join("belle.toml");
    let text = std::fs::read_to_string(&path).expect("a file").replace("de 9 h", "de 8 h");
    std::fs::write(path, text).expect("a file");
    let mut waiting = Waiting::begin();
    loop {
        let now = versions(&nodes).await;
        if now.iter().all(|version| *version == now[0] && *version != first[0]) {
            break;
        }
        waiting.again(|| format!("{now:?}\n{}", nodes.world.logs())).await;
    }
    for node in 0..3 {
        nodes.world.aim_at(node);
        let customer = format!("+3361234567{node}");
        assert_eq!(nodes.world.write(BELLE, &customer, "horaires").await.status, 200);
        nodes.world.twilio.taken_at_least(node as u64 + 1).await;
        assert_eq!(nodes.world.received(&customer), ["Du mardi au samedi, de 8 h à 19 h."], "node {node}");
    }
}
