//! Mutants of functions, all in one build: a function that they change has its own body and
//! those of the mutants, and a variable of the environment chooses at run time which one.
//!
//! Not here: mutants of anything but a function's body, which are built alone. Invariant: at
//! most one is on in a run, so a red test is the work of that one.

use super::Mutant;
use anyhow::{Context, Result};
use std::ops::Range;
use syn::visit::{self, Visit};

/// What a run is told of the mutant that is on. Not with the prefix of the program's own: tests
/// keep those away from the programs that they start.
pub(super) const VARIABLE: &str = "MUTANT_OF_CHATMETRIC";

/// A file with all bodies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Switched {
    pub(super) text: String,
    /// The lines of each function that was changed, from 1, and the mutants in it.
    pub(super) places: Vec<(Range<usize>, Vec<&'static str>)>,
}

/// Whether a mutant of a file with this text is one of a function's body alone.
pub(super) fn fits(text: &str, mutant: &Mutant) -> bool {
    mutant.file.ends_with(".rs")
        && bodies(text).is_ok_and(|bodies| body_of(text, &bodies, mutant).is_some())
}

/// The file with the bodies of all mutants. Those of a function within another that is
/// changed too are not told apart: the outer one has to be built alone.
///
/// # Errors
/// When it is no Rust, or one of the mutants does not fit.
pub(super) fn switched(text: &str, mutants: &[&Mutant]) -> Result<Switched> {
    let bodies = bodies(text)?;
    let mut changed: Vec<(Range<usize>, Vec<&Mutant>)> = Vec::new();
    for mutant in mutants {
        let body = body_of(text, &bodies, mutant)
            .with_context(|| format!("{} is not in the body of one function", mutant.id))?;
        match changed.iter_mut().find(|(range, _)| *range == body) {
            Some((_, inside)) => inside.push(mutant),
            None => changed.push((body, vec![mutant])),
        }
    }
    changed.sort_by_key(|(range, _)| range.start);
    let mut out = String::new();
    let mut places = Vec::new();
    let mut at = 0;
    for (range, inside) in changed {
        let body = text.get(range.clone()).context("no such body")?;
        out.push_str(text.get(at..range.start).context("bodies overlap")?);
        let first = out.matches('\n').count() + 1;
        out.push('{');
        for mutant in &inside {
            let broken = body.replacen(mutant.find, mutant.replace, 1);
            out.push_str(&format!(" if {} {broken} else", is_on(mutant.id)));
        }
        out.push_str(&format!(" {body} }}"));
        let last = out.matches('\n').count() + 1;
        let ids = inside.iter().map(|mutant| mutant.id).collect();
        places.push((first..last + 1, ids));
        at = range.end;
    }
    out.push_str(text.get(at..).context("bodies overlap")?);
    Ok(Switched { text: out, places })
}

/// An expression that says whether a mutant is on; asked once in a process for each function.
fn is_on(id: &str) -> String {
    format!(
        "{{ static ON: ::std::sync::LazyLock<bool> = ::std::sync::LazyLock::new(|| \
         ::std::env::var(\"{VARIABLE}\").is_ok_and(|on| on == \"{id}\")); *ON }}"
    )
}

/// The smallest body that has all of what a mutant changes.
fn body_of(text: &str, bodies: &[Body], mutant: &Mutant) -> Option<Range<usize>> {
    let start = text.find(mutant.find)?;
    let end = start + mutant.find.len();
    let inside = |body: &&Body| body.range.start < start && end < body.range.end;
    let body = bodies
        .iter()
        .filter(inside)
        .min_by_key(|body| body.range.len())?;
    body.can_choose.then(|| body.range.clone())
}

/// The body of a function, braces included.
struct Body {
    range: Range<usize>,
    /// Not of a function that is evaluated while it is compiled, or whose type depends on
    /// the body.
    can_choose: bool,
}

fn bodies(text: &str) -> Result<Vec<Body>> {
    let file = syn::parse_file(text).context("it is no Rust")?;
    let mut found = Bodies(Vec::new());
    found.visit_file(&file);
    Ok(found.0)
}

struct Bodies(Vec<Body>);

impl Bodies {
    fn note(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let mut opaque = Opaque(false);
        opaque.visit_return_type(&signature.output);
        self.0.push(Body {
            range: block.brace_token.span.join().byte_range(),
            can_choose: signature.constness.is_none() && !opaque.0,
        });
    }
}

impl<'ast> Visit<'ast> for Bodies {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.note(&node.sig, &node.block);
        visit::visit_item_fn(self, node);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.note(&node.sig, &node.block);
        visit::visit_impl_item_fn(self, node);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        if let Some(block) = &node.default {
            self.note(&node.sig, block);
        }
        visit::visit_trait_item_fn(self, node);
    }
}

/// Whether a type says `impl`.
struct Opaque(bool);

impl<'ast> Visit<'ast> for Opaque {
    fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
        self.0 = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
const LIMIT: u32 = 1;
struct S;
impl S {
    fn outer(&self) -> u32 {
        fn inner() -> u32 {
            1 + 1
        }
        inner() * 3
    }
}
fn other() -> u32 { 5 - 4 }
const fn early() -> u32 { 6 }
fn opaque() -> impl Iterator<Item = u32> { (0..7).map(|x| x) }
";

    const fn mutant(id: &'static str, find: &'static str, replace: &'static str) -> Mutant {
        Mutant {
            id,
            promise: "x",
            file: "x.rs",
            find,
            replace,
            test: &["test"],
        }
    }

    #[test]
    fn functions_have_the_bodies_of_their_mutants() {
        let (a, b) = (mutant("a", "1 + 1", "1 - 1"), mutant("b", "5 - 4", "5"));
        let c = mutant("c", " - ", " + ");
        assert!(!fits(FILE.replace("5 - 4", "5").as_str(), &b));
        let switched = switched(FILE, &[&c, &b, &a]).unwrap();
        let (is_a, is_b, is_c) = (is_on("a"), is_on("b"), is_on("c"));
        let inner = |sum: &str| format!("{{\n            {sum}\n        }}");
        let (own, broken) = (inner("1 + 1"), inner("1 - 1"));
        let expected = FILE
            .replace(
                &format!("fn inner() -> u32 {own}"),
                &format!("fn inner() -> u32 {{ if {is_a} {broken} else {own} }}"),
            )
            .replace(
                "{ 5 - 4 }",
                &format!("{{ if {is_c} {{ 5 + 4 }} else if {is_b} {{ 5 }} else {{ 5 - 4 }} }}"),
            );
        assert_eq!(switched.text, expected);
        assert_eq!(
            switched.places,
            [(5..10, vec!["a"]), (13..14, vec!["c", "b"])]
        );
    }

    #[test]
    fn what_is_no_body_is_built_alone() {
        assert!(fits(FILE, &mutant("x", "inner() * 3", "inner()")));
        for (find, why) in [
            ("u32 = 1;", "a constant"),
            ("fn other", "a name"),
            ("{ 6 }", "braces, and a function that is evaluated early"),
            ("6", "a function that is evaluated early"),
            ("0..7", "a type that depends on the body"),
            ("nowhere", "nothing"),
        ] {
            assert!(!fits(FILE, &mutant("x", find, "")), "{why}");
        }
        assert!(!fits("no Rust", &mutant("x", "no", "")));
        // The outer function would have the inner one twice.
        let both = [
            mutant("x", "inner() * 3", "inner()"),
            mutant("y", "1 + 1", "1"),
        ];
        assert!(switched(FILE, &[&both[0], &both[1]]).is_err());
    }
}
