//! The table of `docs/internals/capacity.md`: plans beside simulations of what was planned.
//!
//! Not for users: `chatmetric cluster plan` is. Arguments: simulated seconds (600).

#[path = "../tests/it/capacity/mod.rs"]
mod capacity;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(600.0), |it| it.parse())?;
    println!("{}", capacity::HEAD);
    for messages in [1e7, 1e8, 1e9, 1e10] {
        let compared: capacity::Compared =
            capacity::compare(&capacity::Case::of(messages, seconds));
        println!("{}", compared.row());
    }
    Ok(())
}
