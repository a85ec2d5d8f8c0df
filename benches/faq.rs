//! How a message is read for the FAQ: how often rightly, over the labelled messages, and at what cost.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use palabre_actors::domain::faq::labelled::{businesses, measure};
use palabre_actors::domain::faq::{FaqEntry, FaqIndex};

const TUNING: &str = include_str!("../actors/src/domain/faq/labelled/tuning.txt");
const HELD_OUT: &str = include_str!("../actors/src/domain/faq/labelled/held_out.txt");

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn reading(criterion: &mut Criterion) {
    for (name, file) in [("tuning", TUNING), ("held out", HELD_OUT)] {
        let measured = measure(file);
        println!(
            "{name}: {} messages, {} answers due, {} right, {} wrong, {} menus: precision {:.3}, recall {:.3}",
            measured.messages,
            measured.asked,
            measured.right,
            measured.wrong,
            measured.offered,
            measured.precision(),
            measured.recall()
        );
        for line in measured.missed {
            println!("  {line}");
        }
    }
    // 200 entries: those of the six businesses, and products that share words with each other.
    let mut entries: Vec<FaqEntry> = businesses().into_values().flatten().collect();
    let product = |n: usize| FaqEntry {
        question: format!("Avez-vous le modèle numéro {n} ?"),
        keywords: vec![format!("modèle {n}"), format!("référence R{n}")],
        ..FaqEntry::default()
    };
    entries.extend((entries.len()..200).map(product));
    let index = FaqIndex::new(&entries);
    let mut group = criterion.benchmark_group("faq, 200 entries");
    for (name, message) in [
        ("short", "c combien"),
        ("usual", "Bonjour, est-ce que vous êtes ouverts samedi matin et c'est combien une manucure ?"),
        ("misspelt", "bjr vs avez de la dispo pour une manukure samdi aprèm svp, cé combian ?"),
        ("nothing", "Ma sœur m'a raconté que la fête de son collègue était une belle réussite hier au bord du lac."),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| index.read(black_box(message))));
    }
    group.bench_function("compile", |bencher| bencher.iter(|| FaqIndex::new(black_box(&entries))));
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
