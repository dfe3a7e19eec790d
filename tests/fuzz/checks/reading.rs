//! A message as a person reads it: which parts, their names, a preview, their text for search.

use mime_core::{
    body_structure::Part,
    elsewhere::{ExternalBody, Partial},
    file_name::{given_file_name, safe_file_name},
    reading::{Preview, Reading, SearchText, cid_of_url, part_by_content_id},
    structure::Structure,
    text::{casemap, text_of_html},
};

pub(crate) fn check(octets: &[u8]) {
    let structure = Structure::of(octets);
    let root = &structure.body.root;
    let reading = Reading::of(root);
    for found in reading.text.iter().chain(&reading.html).chain(&reading.attachments) {
        assert_eq!(structure.body.part(&found.number), Some(found.part));
        let content = found.content(body(found.part, octets));
        assert!(content.len() as u64 <= found.part.size());
        if let Some(name) = found.file_name() {
            assert!(!name.contains(['/', '\\', '\0']) && name.len() <= 200);
        }
        let _ = found.about_octets();
    }
    for chars_max in [0, 1, 100] {
        assert!(Preview::of(&reading, octets, chars_max).chars().count() <= chars_max);
    }
    root.visit(&mut |part| {
        let _ = given_file_name(part);
        let _ = Partial::of(&part.media_type);
        let _ = ExternalBody::of(part, body(part, octets));
        if let Some(id) = &part.id {
            let _ = part_by_content_id(root, id);
        }
        for folds in [false, true] {
            let whole = search_text(part, folds, octets, octets.len().max(1));
            assert_eq!(search_text(part, folds, octets, 1), whole);
        }
    });

    let Ok(text) = std::str::from_utf8(octets) else { return };
    let _ = text_of_html(text);
    let _ = safe_file_name(text);
    let _ = cid_of_url(text);
    let apart: String = text.chars().map(|c| casemap(c.encode_utf8(&mut [0; 4]))).collect();
    assert_eq!(casemap(text), apart, "each character is folded by itself");
}

fn body<'a>(part: &Part, octets: &'a [u8]) -> &'a [u8] {
    &octets[part.body.start as usize..part.body.end as usize]
}

fn search_text(part: &Part, folds: bool, octets: &[u8], size: usize) -> Option<String> {
    let mut search = SearchText::new(part, folds)?;
    let mut out = String::new();
    body(part, octets).chunks(size).for_each(|piece| search.push(piece, &mut out));
    search.finish(&mut out);
    Some(out)
}
