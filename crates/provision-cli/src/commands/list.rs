use provision::{HostName, Labels, ListFilter, RegionFilter};

use crate::{
    args::ListArgs,
    context::Context,
    failure::{Exit, Outcome},
    output::{self, HostDocument},
    progress::hint,
};

/// `provision list`
pub(super) async fn run(context: &Context, args: &ListArgs) -> Outcome {
    let info = context.provider()?;
    let mut filter = ListFilter::all();
    filter.region = match &args.region {
        Some(region) => RegionFilter::Only(region.clone()),
        None if args.all_regions => RegionFilter::All,
        None => RegionFilter::Default,
    };
    filter.labels = labels(&args.labels)?;
    filter.name = args.name.as_deref().map(HostName::new).transpose()?;
    let cloud = context.connect(info).await?;
    let mut hosts = cloud.provisioner.list(&filter).await?;
    hosts.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
    if hosts.is_empty() {
        let regions = if !info.capabilities.lists_all_regions && !args.all_regions {
            "; --all-regions looks in every region"
        } else {
            ""
        };
        hint(&format!(
            "no hosts on {} that were created with this tool{regions}",
            info.title
        ));
    }
    let documents: Vec<HostDocument> = hosts.iter().map(HostDocument::from).collect();
    output::hosts(context.format(), &documents)?;
    Ok(Exit::Ok)
}

/// Labels from the command line.
pub(super) fn labels(pairs: &[(String, String)]) -> Outcome<Labels> {
    let mut labels = Labels::new();
    for (key, value) in pairs {
        labels.insert(key, value)?;
    }
    Ok(labels)
}
