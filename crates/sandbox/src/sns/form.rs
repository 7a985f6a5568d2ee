//! The parameters of the AWS Query protocol: a form whose names spell out lists and structures.

use std::collections::BTreeMap;

use super::Error;

/// A request's parameters, or one member of a list within them. Every parameter is taken out when
/// it is used, so that what is left is what nothing here understands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a form body, which must be UTF-8 after decoding.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Error> {
        let body = std::str::from_utf8(body).map_err(|_| Error::Malformed("not UTF-8"))?;
        let pairs = body.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// A parameter, if it was given.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A parameter that must have been given.
    pub(crate) fn require(&mut self, name: &str) -> Result<String, Error> {
        self.take(name).ok_or_else(|| {
            Error::InvalidParameter(format!("{name} Reason: no value for required parameter"))
        })
    }

    /// The text of every message in the request.
    pub(crate) fn messages(&self) -> String {
        let is_message = |name: &str| name == "Message" || name.ends_with(".Message");
        let messages = self.0.iter().filter(|(name, _)| is_message(name));
        let texts: Vec<_> = messages.map(|(_, text)| text.as_str()).collect();
        texts.join("\n")
    }

    /// The members of a list, `NAME.MEMBER.1.…`, `NAME.MEMBER.2.…`, in the order of their numbers.
    pub(crate) fn take_list(&mut self, name: &str, member: &str) -> Vec<Form> {
        // An empty list is spelt `NAME=`.
        if self.0.get(name).is_some_and(String::is_empty) {
            self.0.remove(name);
        }
        let prefix = format!("{name}.{member}.");
        let mut members: BTreeMap<u32, Form> = BTreeMap::new();
        self.0.retain(|key, value| {
            let rest = key.strip_prefix(&prefix);
            let Some((number, field)) = rest.and_then(|rest| rest.split_once('.')) else {
                return true;
            };
            let Ok(number) = number.parse() else {
                return true;
            };
            let member = members.entry(number).or_default();
            member.0.insert(field.to_owned(), std::mem::take(value));
            false
        });
        members.into_values().collect()
    }

    /// Refuses what nobody has taken: ignoring it could change what the request means.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::InvalidParameter(format!(
                "{name} Reason: not supported by the sandbox"
            ))),
        }
    }
}

fn decode(text: &str) -> Result<String, Error> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| Error::Malformed("not UTF-8"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_in_the_order_of_their_numbers() {
        let mut form = Form::parse(b"L.member.10.Id=ten&M=&A=b+c%26&L.member.9.Id=nine").unwrap();
        let list = form.take_list("L", "member");
        let ids: Vec<_> = list.into_iter().map(|mut m| m.take("Id")).collect();
        assert_eq!(ids, [Some("nine".to_owned()), Some("ten".to_owned())]);
        assert_eq!(form.take_list("M", "member"), []);
        assert_eq!(form.take("A").as_deref(), Some("b c&"));
        assert_eq!(form.finish(), Ok(()));
    }

    #[test]
    fn refuses_what_is_left_over_and_what_is_not_utf_8() {
        let form = Form::parse(b"MessageGroupId=g").unwrap();
        assert!(matches!(form.finish(), Err(Error::InvalidParameter(_))));
        assert!(matches!(Form::parse(b"A=%ff"), Err(Error::Malformed(_))));
    }
}
