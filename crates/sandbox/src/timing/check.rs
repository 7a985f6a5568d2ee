//! Which figures a model may have: an error names the field, its figure and what is accepted.

use super::model::{LambdaTimes, Model, Rates};

/// A day: no answer takes as long, and sums of such times stay far from overflowing.
const MAX_LATENCY_MS: f64 = 86_400_000.0;

type Checked = Result<(), String>;

/// # Errors
/// A figure that cannot be.
pub(super) fn check(model: &Model) -> Checked {
    share("jitter", model.jitter)?;
    latency("latency_ms.usual", model.latency_ms.usual())?;
    for (operation, latency_ms) in model.latency_ms.exceptions() {
        latency(&format!("latency_ms.{operation}"), latency_ms)?;
    }
    optional("copy_mb_per_sec", model.copy_mb_per_sec)?;
    optional("all_copies_mb_per_sec", model.all_copies_mb_per_sec)?;
    if let Some(rates) = &model.rates {
        check_rates(rates)?;
    }
    check_lambda(&model.lambda)
}

fn check_rates(rates: &Rates) -> Checked {
    above_zero("rates.writes_per_sec", rates.writes_per_sec)?;
    above_zero("rates.reads_per_sec", rates.reads_per_sec)?;
    above_zero("rates.burst_secs", rates.burst_secs)?;
    if let Some(warm_up) = rates.warm_up {
        above_zero("rates.warm_up.share", warm_up.share)?;
        share("rates.warm_up.share", warm_up.share)?;
        above_zero("rates.warm_up.secs", warm_up.secs)?;
    }
    Ok(())
}

fn check_lambda(lambda: &LambdaTimes) -> Checked {
    latency("lambda.cold_start_ms", lambda.cold_start_ms)?;
    let environments = lambda.environments_per_10_secs;
    optional("lambda.environments_per_10_secs", environments)
}

fn share(field: &str, figure: f64) -> Checked {
    let is_good = (0.0..=1.0).contains(&figure);
    accept(is_good, field, figure, "from 0 to 1")
}

fn latency(field: &str, figure: f64) -> Checked {
    let is_good = (0.0..=MAX_LATENCY_MS).contains(&figure);
    accept(is_good, field, figure, "from 0 to 86400000, a day")
}

fn optional(field: &str, figure: Option<f64>) -> Checked {
    figure.map_or(Ok(()), |figure| above_zero(field, figure))
}

fn above_zero(field: &str, figure: f64) -> Checked {
    let is_good = figure > 0.0 && figure.is_finite();
    accept(is_good, field, figure, "above 0")
}

fn accept(is_good: bool, field: &str, figure: f64, accepted: &str) -> Checked {
    if is_good {
        return Ok(());
    }
    Err(format!("{field} is {figure}; it must be {accepted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_cannot_be_is_named_with_what_is_accepted() {
        let share = "from 0 to 1";
        let latency = "from 0 to 86400000, a day";
        for (json, field, figure, accepted) in [
            (r#"{"jitter":1.5}"#, "jitter", "1.5", share),
            (r#"{"jitter":-0.1}"#, "jitter", "-0.1", share),
            (
                r#"{"latency_ms":{"usual":-1}}"#,
                "latency_ms.usual",
                "-1",
                latency,
            ),
            (
                r#"{"latency_ms":{"CopyObject":1e9}}"#,
                "latency_ms.CopyObject",
                "1000000000",
                latency,
            ),
            (
                r#"{"copy_mb_per_sec":0}"#,
                "copy_mb_per_sec",
                "0",
                "above 0",
            ),
            (
                r#"{"all_copies_mb_per_sec":-3}"#,
                "all_copies_mb_per_sec",
                "-3",
                "above 0",
            ),
            (
                r#"{"rates":{"writes_per_sec":0,"reads_per_sec":1}}"#,
                "rates.writes_per_sec",
                "0",
                "above 0",
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":0}}"#,
                "rates.reads_per_sec",
                "0",
                "above 0",
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":1,"burst_secs":0}}"#,
                "rates.burst_secs",
                "0",
                "above 0",
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":1,"warm_up":{"share":0,"secs":1}}}"#,
                "rates.warm_up.share",
                "0",
                "above 0",
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":1,"warm_up":{"share":2,"secs":1}}}"#,
                "rates.warm_up.share",
                "2",
                share,
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":1,"warm_up":{"share":1,"secs":0}}}"#,
                "rates.warm_up.secs",
                "0",
                "above 0",
            ),
            (
                r#"{"lambda":{"cold_start_ms":-1}}"#,
                "lambda.cold_start_ms",
                "-1",
                latency,
            ),
            (
                r#"{"lambda":{"environments_per_10_secs":0}}"#,
                "lambda.environments_per_10_secs",
                "0",
                "above 0",
            ),
        ] {
            let error = Model::parse(json).unwrap_err().to_string();
            assert_eq!(error, format!("{field} is {figure}; it must be {accepted}"));
        }
    }

    #[test]
    fn what_a_model_does_not_know_is_refused_wherever_it_stands() {
        for (json, unknown) in [
            (r#"{"copy_mb_per_second":1}"#, "copy_mb_per_second"),
            (
                r#"{"latency_ms":{"CopyObjects":1}}"#,
                "latency_ms.CopyObjects",
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":1,"burst":1}}"#,
                "burst",
            ),
            (
                r#"{"rates":{"writes_per_sec":1,"reads_per_sec":1,"warm_up":{"share":1,"secs":1,"by":2}}}"#,
                "by",
            ),
            (r#"{"lambda":{"cold_start":1}}"#, "cold_start"),
            (r#"{"latency_ms":{"usual":"1 ms"}}"#, "1 ms"),
            ("[", "EOF"),
        ] {
            let error = Model::parse(json).unwrap_err().to_string();
            assert!(error.contains(unknown), "{error}");
        }
    }

    #[test]
    fn what_a_model_does_not_say_takes_no_time() {
        let model = Model::parse(r#"{"latency_ms":{"CopyObject":5}}"#).unwrap();
        assert_eq!(model.latency_ms.usual(), 0.0);
        assert_eq!(model.latency_ms.of("CopyObject"), 5.0);
        assert_eq!(Model::parse("{}").unwrap(), Model::default());
    }

    #[test]
    fn every_model_with_a_name_is_one() {
        for name in Model::names() {
            assert!(Model::named(name).is_some(), "{name}");
        }
        assert_eq!(Model::named("s3-1999"), None);
    }
}
