//! A flow as a picture: SVG, with how many contacts stand at each step.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::graph::{PictureWords, label, ways};
use super::source::{Flow, Step, StepKind};

/// Size of a step's box, and the room between boxes.
const WIDTH: i64 = 230;
const HEIGHT: i64 = 58;
const BESIDE: i64 = 24;
const BELOW: i64 = 54;
const MARGIN: i64 = 16;
/// Characters of a line in a box.
const LINE: usize = 30;

/// Where the box of a step stands.
#[derive(Clone, Copy)]
struct Spot {
    x: i64,
    y: i64,
}

impl Spot {
    const fn top(self) -> (i64, i64) {
        (self.x + WIDTH / 2, self.y)
    }

    const fn bottom(self) -> (i64, i64) {
        (self.x + WIDTH / 2, self.y + HEIGHT)
    }

    const fn right(self) -> (i64, i64) {
        (self.x + WIDTH, self.y + HEIGHT / 2)
    }
}

/// The flow as an SVG document. `counts`: how many contacts stand at a step, by its id. Colours are classes, so that a page can give its own.
#[must_use]
pub fn svg(flow: &Flow, counts: &BTreeMap<String, usize>, words: PictureWords<'_>) -> String {
    let layers = layers(flow);
    let depth = layers.iter().copied().max().unwrap_or(0);
    let widest = (0..=depth).map(|layer| layers.iter().filter(|at| **at == layer).count()).max().unwrap_or(1);
    let widest = i64::try_from(widest.max(1)).unwrap_or(1);
    let width = 2 * MARGIN + widest * WIDTH + (widest - 1) * BESIDE + 2 * BESIDE;
    let row = |layer: usize| MARGIN + i64::try_from(layer).unwrap_or(0) * (HEIGHT + BELOW);
    let places: Vec<Spot> = layers
        .iter()
        .enumerate()
        .map(|(at, layer)| {
            let beside = layers.iter().filter(|other| *other == layer).count();
            let before = layers.iter().take(at).filter(|other| *other == layer).count();
            let (beside, before) = (i64::try_from(beside).unwrap_or(1), i64::try_from(before).unwrap_or(0));
            let taken = beside * WIDTH + (beside - 1) * BESIDE;
            Spot { x: (width - taken) / 2 + before * (WIDTH + BESIDE), y: row(*layer) }
        })
        .collect();
    let finish = (width / 2, row(depth + 1));
    let height = finish.1 + HEIGHT;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
        height=\"{height}\" role=\"img\" aria-label=\"{}\" font-family=\"sans-serif\" font-size=\"13\">\n",
        escaped(&flow.name)
    );
    let arrow = arrow(flow);
    let _ = writeln!(
        text,
        "<defs><marker id=\"{arrow}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
        orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0 8 4 0 8z\"/></marker></defs>",
    );
    let ends = edges(&mut text, flow, (&places, &layers), (finish, words));
    for (place, step) in places.iter().zip(&flow.steps) {
        node(&mut text, *place, &step.kind, (&shown(step, words), counts.get(&step.id).copied().unwrap_or(0)));
    }
    if ends {
        let (x, y) = finish;
        let _ = writeln!(
            text,
            "<g class=\"end\"><circle cx=\"{x}\" cy=\"{}\" r=\"18\" fill=\"#fff\" stroke=\"#555\"/><text x=\"{x}\" y=\"{}\" \
            text-anchor=\"middle\">{}</text></g>",
            y + 18,
            y + 22,
            escaped(words.end)
        );
    }
    text.push_str("</svg>\n");
    text
}

/// A step's name and text; what kind it is its shape says.
fn shown(step: &Step, words: PictureWords<'_>) -> String {
    let kind = format!(" ({})", step.kind.word());
    label(step, words).replacen(&format!("{kind} "), " · ", 1).replacen(&kind, "", 1)
}

/// The name of the picture's arrow: a page may show several pictures.
fn arrow(flow: &Flow) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
    "arrow-".chars().chain(flow.name.chars().map(plain)).collect()
}

/// How far down each step stands: below all that lead to it and stand before it in the file.
fn layers(flow: &Flow) -> Vec<usize> {
    let mut layers: Vec<Option<usize>> = vec![None; flow.steps.len()];
    for at in 0..flow.steps.len() {
        let above = at.checked_sub(1).and_then(|above| layers.get(above).copied().flatten());
        let own = layers.get(at).copied().flatten().or_else(|| above.map(|above| above + 1)).unwrap_or(0);
        if let Some(layer) = layers.get_mut(at) {
            *layer = Some(own);
        }
        for target in flow.ways(at).into_iter().flatten().filter(|target| *target > at) {
            if let Some(layer) = layers.get_mut(target) {
                *layer = Some(layer.unwrap_or(0).max(own + 1));
            }
        }
    }
    layers.into_iter().map(|layer| layer.unwrap_or(0)).collect()
}

/// Draws the ways between the boxes. Answers whether one leads to the end.
fn edges(
    text: &mut String,
    flow: &Flow,
    (places, layers): (&[Spot], &[usize]),
    (finish, words): ((i64, i64), PictureWords<'_>),
) -> bool {
    let (mut ends, arrow) = (false, arrow(flow));
    for (at, step) in flow.steps.iter().enumerate() {
        let Some(from) = places.get(at).copied() else { continue };
        let ways = ways(step, words);
        for (number, (target, name)) in ways.iter().enumerate() {
            let to = target.and_then(|target| places.get(target).copied());
            let goes_back = target.is_some_and(|target| layers.get(target) <= layers.get(at));
            let path = match to {
                Some(to) if goes_back => {
                    let ((x, y), (u, v)) = (from.right(), to.right());
                    let out = x.max(u) + BESIDE;
                    format!("M{x} {y}C{out} {y} {out} {v} {u} {v}")
                }
                Some(to) => down(from.bottom(), to.top()),
                None => down(from.bottom(), finish),
            };
            ends |= target.is_none();
            let _ = writeln!(
                text,
                "<path class=\"edge\" d=\"{path}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#{arrow})\"/>"
            );
            if let Some(name) = name {
                let (x, y) = from.bottom();
                let shift = i64::try_from(number).unwrap_or(0) * 14 + 14;
                let (u, _) = to.map_or(finish, Spot::top);
                let name = cut(name, 24);
                let _ = writeln!(
                    text,
                    "<text class=\"way\" x=\"{}\" y=\"{}\" font-size=\"12\" text-anchor=\"middle\">{}</text>",
                    x + (u - x) / 3,
                    y + shift,
                    escaped(&name)
                );
            }
        }
    }
    ends
}

fn down((x, y): (i64, i64), (u, v): (i64, i64)) -> String {
    let bend = BELOW / 2;
    format!("M{x} {y}C{x} {} {u} {} {u} {v}", y + bend, v - bend)
}

fn node(text: &mut String, place: Spot, kind: &StepKind, (label, count): (&str, usize)) {
    let round =
        if matches!(kind, StepKind::Ask { .. } | StepKind::Choose { .. } | StepKind::Confirm { .. }) { 14 } else { 4 };
    let class = if count > 0 { "step here" } else { "step" };
    let _ = writeln!(
        text,
        "<g class=\"{class}\"><rect x=\"{}\" y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"{round}\" fill=\"#fff\" stroke=\"#555\"/>",
        place.x, place.y
    );
    for (line, words) in lines(label).into_iter().enumerate() {
        let y = place.y + 24 + i64::try_from(line).unwrap_or(0) * 18;
        let _ = writeln!(text, "<text x=\"{}\" y=\"{y}\">{}</text>", place.x + 12, escaped(&words));
    }
    if count > 0 {
        let (x, y) = (place.x + WIDTH - 6, place.y + 6);
        let _ = writeln!(
            text,
            "<circle class=\"count\" cx=\"{x}\" cy=\"{y}\" r=\"14\" fill=\"#0B6E4F\"/><text class=\"count\" x=\"{x}\" y=\"{}\" fill=\"#fff\" \
            text-anchor=\"middle\">{count}</text>",
            y + 5
        );
    }
    text.push_str("</g>\n");
}

/// Two lines at most.
fn lines(label: &str) -> Vec<String> {
    let (mut first, mut rest) = (String::new(), Vec::new());
    for word in label.split_whitespace() {
        if rest.is_empty() && first.chars().count() + word.chars().count() < LINE {
            if !first.is_empty() {
                first.push(' ');
            }
            first.push_str(word);
        } else {
            rest.push(word);
        }
    }
    let second = cut(&rest.join(" "), LINE);
    [cut(&first, LINE), second].into_iter().filter(|line| !line.is_empty()).collect()
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
        safe
    })
}
