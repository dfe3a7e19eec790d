//! LANGUAGE (RFC 5255 §3): in which language texts are said.

use conversation::Wire;

use super::{Session, session::Flow};
use crate::{
    language::{Language, TAGS},
    order::Verb,
    response::{self, Code, Completion},
};

impl Session {
    /// Goes on in the first language that is spoken here; without any range, tells which are.
    pub(super) fn choose_language(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        verb: Verb,
        ranges: &[String],
    ) -> Flow {
        if ranges.is_empty() {
            response::languages(&mut wire.output, TAGS);
            return self.done(wire, tag, verb);
        }
        let Some((language, name)) = Language::chosen(ranges, self.options.preferred_language)
        else {
            let refused = Completion::no(Code::Cannot, "This language is not spoken here");
            return self.end(wire, tag, verb, refused);
        };
        self.language = language;
        response::languages(&mut wire.output, &[name]);
        // RFC 5255 §3.4: what the names of others' mailboxes begin with is said in it too.
        if self.is_signed_in() && self.options.sharing && language != Language::English {
            self.say_namespace(wire);
        }
        self.end(wire, tag, verb, Completion::ok("This is the language from now on"))
    }

    pub(super) fn say_namespace(&self, wire: &mut Wire) {
        response::namespace(&mut wire.output, self.options.sharing, self.language);
    }
}
