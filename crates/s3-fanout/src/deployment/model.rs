//! A model of S3's and Lambda's times, as it is named on the command line.

use std::fs;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use sandbox::timing::Model;

/// A model, and what it was called.
#[derive(Debug, Clone)]
pub struct NamedModel {
    /// Its name, or its file's.
    pub name: String,
    /// What it says.
    pub model: Model,
}

impl FromStr for NamedModel {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<NamedModel> {
        let model = match Model::named(name) {
            Some(model) => model,
            None => read(name)?,
        };
        Ok(NamedModel {
            name: name.to_owned(),
            model,
        })
    }
}

fn read(file: &str) -> Result<Model> {
    let json = fs::read_to_string(file).with_context(|| {
        let names: Vec<_> = Model::names().collect();
        let names = names.join(", ");
        format!("{file:?} is neither a model ({names}) nor a file that can be read")
    })?;
    Model::parse(&json).map_err(|error| anyhow!("{file} is not a model: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_a_name_or_a_file() {
        let named: NamedModel = "s3-2016".parse().unwrap();
        assert_eq!(named.model.copy_mb_per_sec, Some(28.0));
        let wrong = "s3-1999".parse::<NamedModel>().unwrap_err().to_string();
        assert_eq!(
            wrong,
            "\"s3-1999\" is neither a model (s3-2016, s3-2023, lan) nor a file that can be read"
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("own.json");
        let of = |json: &str| {
            fs::write(&file, json).unwrap();
            file.to_str().unwrap().parse::<NamedModel>()
        };
        assert_eq!(
            of("{\"copy_mb_per_sec\":7}").unwrap().model.copy_mb_per_sec,
            Some(7.0)
        );
        let unknown = of("{\"latency_ms\":{\"usual\":1,\"CopyObjects\":2}}").unwrap_err();
        assert!(
            unknown.to_string().contains("latency_ms.CopyObjects"),
            "{unknown}"
        );
    }
}
