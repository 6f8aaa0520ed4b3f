use provision::ProviderInfo;

use crate::{
    args::TableArgs,
    context::Context,
    failure::{Exit, Outcome},
    output::{self, Cell, Column},
};

const COLUMNS: [Column; 8] = [
    Column::new("ID"),
    Column::new("ALIASES").goes(1),
    Column::new("CLOUD").goes(3),
    Column::new("REGION").goes(5),
    Column::new("PLAN").goes(4).shortens_to(12),
    Column::new("IMAGE").goes(2).shortens_to(14),
    Column::new("MONTHLY"),
    Column::new("NEEDS").shortens_to(20),
];

/// `provision providers`
pub(super) fn run(context: &Context, args: &TableArgs) -> Outcome {
    let infos: Vec<&ProviderInfo> = match &context.globals.provider {
        Some(_) => context.selection()?.infos,
        None => provision::providers(),
    };
    let rows = infos.iter().map(|info| {
        let cost = info.monthly_cost;
        let variables = info.settings.iter().filter(|setting| setting.required);
        let variables: Vec<&str> = variables.filter_map(|setting| setting.env.first().copied()).collect();
        vec![
            Cell::from(info.id),
            Cell::from(info.aliases.join(", ")),
            Cell::from(info.title),
            Cell::from(info.default_region),
            Cell::from(info.default_plan),
            Cell::from(info.default_image),
            Cell::from(cost.amount.map(|amount| format!("{amount:.2} {}", cost.currency))).sorted_by(cost.amount),
            Cell::from(variables.join(", ")),
        ]
    });
    let rows = rows.collect();
    output::sheet(&context.view(args), &infos, &COLUMNS, rows)?;
    Ok(Exit::Ok)
}
