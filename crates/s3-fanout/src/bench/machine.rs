//! What the figures were measured on.

use std::thread::available_parallelism;

/// The system, the processor and how much of it there is, in a line.
pub fn describe() -> String {
    let cpus = available_parallelism().map_or("an unknown number of".to_owned(), |n| n.to_string());
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|info| model(&info))
        .map_or(String::new(), |model| format!(", {model}"));
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{os} {architecture}, {cpus} CPUs{model}")
}

/// The processor's name as Linux tells it.
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_processors_name() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nmodel name\t: Another\n";
        assert_eq!(model(info).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
