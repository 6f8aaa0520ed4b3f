use provision::ProviderInfo;

use crate::{
    context::Context,
    failure::{Exit, Outcome},
    output::{self, or_dash},
};

/// `provision providers`
pub(super) fn run(context: &Context) -> Outcome {
    let infos: Vec<&ProviderInfo> = match &context.globals.provider {
        Some(name) => vec![provision::find(name)?],
        None => provision::providers(),
    };
    let rows = infos.iter().map(|info| {
        let cost = info.monthly_cost;
        let variables = info.settings.iter().filter(|setting| setting.required);
        let variables: Vec<&str> = variables.filter_map(|setting| setting.env.first().copied()).collect();
        vec![
            info.id.to_owned(),
            or_dash(Some(&info.aliases.join(", "))),
            info.title.to_owned(),
            info.default_region.to_owned(),
            info.default_plan.to_owned(),
            info.default_image.to_owned(),
            or_dash(
                cost.amount
                    .map(|amount| format!("{amount:.2} {}", cost.currency))
                    .as_deref(),
            ),
            or_dash(Some(&variables.join(", "))),
        ]
    });
    let header = ["ID", "ALIASES", "CLOUD", "REGION", "PLAN", "IMAGE", "MONTHLY", "NEEDS"];
    output::rows(context.format(), &infos, &header, rows)?;
    Ok(Exit::Ok)
}
