use futures_util::future::join3;

use crate::{BasicHost, Catalog, CatalogQuery, Error, ErrorKind, Provisioner, Result};

/// Adds to the error of a refused create the nearest region, plan or image that the cloud has, where the caller named one that
/// it does not have: for whoever shows the error to a person.
///
/// This is one look into the [catalog](Provisioner::catalog), a call of its own, so that neither a create that succeeds nor one
/// that fails costs requests for it. Only an `InvalidRequest` is looked into, and only what the caller named, no default. When the
/// catalog cannot be read the error stays as it is.
pub async fn explain_refusal<P: Provisioner + ?Sized>(cloud: &P, host: &BasicHost, refused: Error) -> Error {
    if refused.kind() != ErrorKind::InvalidRequest {
        return refused;
    }
    let here = |query: CatalogQuery| match &host.region {
        Some(region) => query.with_region(region),
        None => query,
    };
    let look = async |named: &Option<String>, query: CatalogQuery, ids: fn(Catalog) -> Vec<String>| {
        let named = named.as_deref()?;
        let catalog: Result<Catalog> = cloud.catalog(&query).await;
        lacking(named, &ids(catalog.ok()?))
    };
    let (region, plan, image) = join3(
        look(&host.region, CatalogQuery::regions(), |catalog| {
            catalog.regions.into_iter().map(|region| region.id).collect()
        }),
        look(&host.plan, here(CatalogQuery::plans()), |catalog| {
            catalog.plans.into_iter().map(|plan| plan.id).collect()
        }),
        look(&host.image, here(CatalogQuery::images()), |catalog| {
            catalog.images.into_iter().map(|image| image.id).collect()
        }),
    )
    .await;
    let lacking = [("region", region), ("plan", plan), ("image", image)];
    lacking
        .into_iter()
        .fold(refused, |refused, (what, lacking)| match lacking {
            Some((named, nearest)) => refused.hint(format!(
                "{what} `{named}` is not in the catalog: did you mean `{nearest}`?"
            )),
            None => refused,
        })
}

/// What was named and is not known, with the nearest that is.
fn lacking(named: &str, known: &[String]) -> Option<(String, String)> {
    if known.iter().any(|known| known.eq_ignore_ascii_case(named)) {
        return None;
    }
    let nearest = nearest(named, known.iter().map(String::as_str))?;
    Some((named.chars().take(SHOWN).collect(), nearest.to_owned()))
}

/// How many characters of a name that the cloud does not know are repeated.
const SHOWN: usize = 200;

/// The known name that is most like what was typed, if any is: for "did you mean".
///
/// ```
/// use provision_core::nearest;
/// assert_eq!(nearest("cx32", ["cx23", "cpx22", "ubuntu"]), Some("cx23"));
/// assert_eq!(nearest("zzz", ["cx23", "cpx22", "ubuntu"]), None);
/// ```
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let likeness = |known: &'a str| (strsim::jaro_winkler(&typed, &known.to_lowercase()), known);
    known
        .into_iter()
        .map(likeness)
        .filter(|(likeness, _)| *likeness > LIKE)
        // Of several that are equally near the first one.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, known)| known)
}

/// From where on two names are like each other: 1 is equality.
const LIKE: f64 = 0.8;
