//! Lists: pages, filters.

use serde_json::{Map, Value, json};

use super::{PROJECT, invalid};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, page::Page},
};

/// A page of the Instance API: `page` and `per_page`; the total is in headers only.
pub(super) fn page(call: &Call<'_>, name: &str, list: Vec<Value>) -> Handled {
    cut(call, name, list, |items| json!(items))
}

/// As [`page`], for what is shown as an object of names.
pub(super) fn page_of_map(call: &Call<'_>, name: &str, list: Vec<(&str, Value)>) -> Handled {
    cut(call, name, list, |items| {
        let items = items.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(items.collect::<Map<_, _>>())
    })
}

fn cut<T>(call: &Call<'_>, name: &str, list: Vec<T>, show: impl Fn(Vec<T>) -> Value) -> Handled {
    let page = Page::cut(
        list,
        number(call, "page", 1, u64::from(u32::MAX))?,
        number(call, "per_page", 50, 100)?,
    );
    let resource = call.segments.last().copied().unwrap_or_default();
    let link = |number: u64, relation: &str| {
        let query = call.query.with(&[("page", number.to_string())]);
        format!("</{resource}?{query}>; rel=\"{relation}\"")
    };
    let mut links: Vec<String> = page.next().map(|next| link(next, "next")).into_iter().collect();
    links.push(link(page.last, "last"));
    let (total, items) = (page.total, page.items);
    Ok(Answer::json(200, &json!({ name: show(items) }))
        .header("x-total-count", total.to_string())
        .header("link", links.join(", ")))
}

/// A page of the newer APIs: `page` and `page_size`; the total is in the body.
pub(super) fn page_with_total(call: &Call<'_>, name: &str, list: Vec<Value>) -> Handled {
    let page = Page::cut(
        list,
        number(call, "page", 1, u64::from(u32::MAX))?,
        number(call, "page_size", 20, 100)?,
    );
    Ok(Answer::json(
        200,
        &json!({ name: page.items, "total_count": page.total }),
    ))
}

/// UNCONFIRMED: whether a number out of range is refused or brought into range.
fn number(call: &Call<'_>, parameter: &str, default: u64, most: u64) -> Result<u64, Answer> {
    match call.query.number(parameter) {
        Ok(None) => Ok(default),
        Ok(Some(number)) if (1..=most).contains(&number) => Ok(number),
        _ => Err(invalid(
            parameter,
            "constraint",
            &format!("must be between 1 and {most}"),
        )),
    }
}

/// Whether the query asks for the account's project, or for none.
pub(super) fn in_project(call: &Call<'_>) -> bool {
    let asked = call.query.filled("project").or(call.query.filled("organization"));
    asked.is_none_or(|project| project == PROJECT)
}

/// Whether a thing has all tags that the query asks for, in commas.
pub(super) fn has_tags(call: &Call<'_>, tags: &[String]) -> bool {
    let wanted = call.query.filled("tags").unwrap_or_default();
    let mut wanted = wanted.split(',').filter(|tag| !tag.is_empty());
    wanted.all(|tag| tags.iter().any(|known| known == tag))
}

/// Whether a name contains what the query asks for.
pub(super) fn has_name(call: &Call<'_>, name: &str) -> bool {
    call.query.filled("name").is_none_or(|part| name.contains(part))
}
