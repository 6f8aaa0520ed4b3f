pub(super) mod attempt;
pub(super) mod different;
mod places;
pub(super) mod plan;
pub(super) mod rerun;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use provision::{
    BasicHost, HostName, Origin, ProvisionedHost, RegionFilter, UserData,
    wait::{Timer as _, TokioTimer, Wait},
};

use self::{
    attempt::{CREATE_TIMEOUT, Created},
    places::Place,
};
use super::{
    ended::{self, Ended},
    wait::{Watch, repeated},
};
use crate::{
    args::CreateArgs,
    context::{Cloud, Context},
    duration,
    failure::{Exit, Failure, Outcome, Tally},
    id,
    interrupt::Interrupt,
    price::{self, PriceBook},
    progress::{hint, say, warn},
};

/// How long waiting for an active host takes at most when nothing else is said.
const WAIT_TIMEOUT: Duration = Duration::from_secs(600);
/// Hosts that are made at the same time.
const SIDE_BY_SIDE: usize = 8;

/// `provision create NAME...`
pub(super) async fn run(context: &Context, args: &CreateArgs) -> Outcome {
    let names = names(args)?;
    let selection = context.selection()?;
    if selection.is_every() {
        return Err(Failure::usage(
            "a host is made on one cloud: name it with -p, or several in the order in which they are to be tried",
        ));
    }
    let mut places = places::named(context, args, &selection)?;
    let user_data = plan::user_data(args, &places)?;
    // Everything that needs no cloud is checked for every place and name before the first request.
    for name in &names {
        for place in &places {
            place.info.check(&plan::read(context, args, name, &user_data, place)?)?;
        }
    }
    let chooses_plan = places.iter().any(places::chooses_plan);
    let mut prices = PriceBook::default();
    if args.dry_run && !chooses_plan {
        return dry_run(context, args, &names, &user_data, &places, &prices);
    }
    let mut clouds: Vec<Cloud> = Vec::new();
    for info in &selection.infos {
        clouds.push(context.connect(info).await?);
    }
    let interrupt = Interrupt::listen()?;
    if chooses_plan {
        let choosing = async {
            for place in &mut places {
                if let Some(cloud) = places::cloud_of(&clouds, place) {
                    places::choose_plan(args, cloud, place, &mut prices).await?;
                }
            }
            Ok::<_, Failure>(())
        };
        tokio::select! {
            biased;
            () = interrupt.happened() => return Ok(Exit::Interrupted),
            chosen = choosing => chosen?,
        }
    }
    if args.dry_run {
        return dry_run(context, args, &names, &user_data, &places, &prices);
    }
    let announcing = announce(&names, &clouds, &places, &mut prices);
    tokio::select! {
        biased;
        () = interrupt.happened() => return Ok(Exit::Interrupted),
        announced = announcing => announced?,
    }
    let rerun = rerun::command(std::env::args().skip(1));
    let creation = Creating {
        context,
        args,
        clouds: &clouds,
        places: &places,
        chooses_plan,
        user_data: &user_data,
        prices: &prices,
        interrupt: &interrupt,
        rerun: &rerun,
    };
    let making = names.iter().map(|name| creation.run(name));
    let mut ended: Vec<Ended> = stream::iter(making).buffered(SIDE_BY_SIDE).collect().await;
    if args.ttl.is_some() && ended.iter().any(|one| one.document.is_some()) {
        let providers: Vec<&str> = clouds.iter().map(|cloud| cloud.provisioner.info().id).collect();
        ended::say_who_deletes(context, &providers.join(","));
    }
    ended::price(&mut ended, &clouds.iter().collect::<Vec<_>>(), prices, &interrupt).await;
    ended::print(context, &args.table, ended, names.len() > 1, Tally::default())
}

/// The names of the hosts, each once.
fn names(args: &CreateArgs) -> Outcome<Vec<HostName>> {
    let prefix = args.name_prefix.as_deref().unwrap_or_default().trim_end_matches('-');
    let counted = (1..=args.count.unwrap_or_default()).map(|number| format!("{prefix}-{number}"));
    let mut names: Vec<HostName> = Vec::new();
    for name in args.names.iter().cloned().chain(counted) {
        let name = HostName::new(name)?;
        if names.contains(&name) {
            return Err(Failure::usage(format!("`{name}` stands twice")));
        }
        names.push(name);
    }
    if args.key.is_some() && names.len() > 1 {
        return Err(Failure::usage(
            "--key is of one host: leave it out, each is known by its name",
        ));
    }
    Ok(names)
}

/// Says what the hosts are going to cost. Credentials that are refused here are not tried again with the create.
async fn announce(names: &[HostName], clouds: &[Cloud], places: &[Place], prices: &mut PriceBook) -> Outcome<()> {
    let keys = places.iter().filter_map(|place| place.priced(clouds));
    let failures = prices.learn(&clouds.iter().collect::<Vec<_>>(), keys.collect()).await;
    let Some(first) = places.first() else { return Ok(()) };
    if let Some(cloud) = places::cloud_of(clouds, first) {
        price::refused(cloud, failures)?;
    }
    let price = first.priced(clouds).and_then(|place| prices.at(&place));
    let price = price::announced(price.as_ref());
    match names {
        [name] => say(&format!("{name}: {price}")),
        names => say(&format!("each of {} hosts: {price}", names.len())),
    }
    Ok(())
}

fn dry_run(
    context: &Context,
    args: &CreateArgs,
    names: &[HostName],
    user_data: &UserData,
    places: &[Place],
    prices: &PriceBook,
) -> Outcome {
    let Some(first) = places.first() else {
        return Ok(Exit::Ok);
    };
    let hosts: Vec<BasicHost> = names
        .iter()
        .map(|name| plan::read(context, args, name, user_data, first))
        .collect::<Outcome<_>>()?;
    let orders: Vec<_> = hosts.iter().map(|host| (first.info, host)).collect();
    plan::print(context, &orders, prices)?;
    for place in places.iter().skip(1) {
        say(&format!("without room there: {}", place.shown()));
    }
    say("nothing was created: this is a dry run");
    Ok(Exit::Ok)
}

/// What making each of the hosts needs.
struct Creating<'a> {
    context: &'a Context,
    args: &'a CreateArgs,
    clouds: &'a [Cloud],
    places: &'a [Place],
    chooses_plan: bool,
    user_data: &'a UserData,
    prices: &'a PriceBook,
    interrupt: &'a Interrupt,
    rerun: &'a str,
}

impl Creating<'_> {
    async fn run(&self, name: &HostName) -> Ended {
        let timer = TokioTimer::new();
        match self.make(name, &timer).await {
            Ok(ended) => ended,
            Err(failure) => Ended::failed(None, failure),
        }
    }

    /// Asks one place after the other. The next one only where the cloud has no room and has made nothing.
    async fn make(&self, name: &HostName, timer: &TokioTimer) -> Outcome<Ended> {
        let mut places = self.places.to_vec();
        if places.len() > 1 || self.chooses_plan {
            self.only_where_it_is(name, &mut places).await?;
        }
        let mut tried: Vec<Place> = Vec::new();
        let mut places = places.into_iter().peekable();
        while let Some(place) = places.next() {
            let host = plan::read(self.context, self.args, name, self.user_data, &place)?;
            let Some(cloud) = places::cloud_of(self.clouds, &place) else {
                continue;
            };
            let timeout = self.args.timeout.map_or(CREATE_TIMEOUT, |timeout| timeout.0);
            let left = timeout.saturating_sub(timer.now());
            let created = attempt::create(self.context, cloud, &host, left, timer, self.interrupt, self.rerun)
                .await
                .map_err(|failure| self.about_the_choice(failure))?;
            match created {
                Created::Host(created) => {
                    if !tried.is_empty() {
                        say(&format!("{name}: made on {}", place.shown()));
                    }
                    return self.made(cloud, &host, created, timer).await;
                }
                Created::Interrupted(Some(created)) => {
                    let shown = id::shown(created.provider, &created.id);
                    say(&format!("interrupted: {shown} was created"));
                    say_how_to_delete(self.context, &created);
                    return Ok(Ended::interrupted(Some(self.prices.document(&created))));
                }
                Created::Interrupted(None) => return Ok(Ended::interrupted(None)),
                Created::NoRoom(failure) => {
                    let Some(next) = places.peek() else {
                        let failure = tried.iter().fold(failure, |failure, place| {
                            failure.hint(format!("no room before that: {}", place.shown()))
                        });
                        return Err(failure);
                    };
                    say(&format!(
                        "{name}: no room on {}: {}",
                        place.shown(),
                        failure.lines().join(": ")
                    ));
                    let price = next.priced(self.clouds).and_then(|place| self.prices.at(&place));
                    say(&format!(
                        "{name}: trying {}: {}",
                        next.shown(),
                        price::announced(price.as_ref())
                    ));
                    if !place.is_beside(next) {
                        leave(cloud, &host).await;
                    }
                    tried.push(place);
                }
            }
        }
        Err(Failure::usage("no place is named where the host could be made"))
    }

    /// A plan that nobody named may have another processor than the image that somebody did.
    fn about_the_choice(&self, failure: Failure) -> Failure {
        match &self.args.image {
            Some(image) if self.chooses_plan && failure.exit() == Exit::Usage => failure.hint(format!(
                "the cheapest plan may not run `{image}`, for it may have another processor: name a plan with --plan"
            )),
            _ => failure,
        }
    }

    /// A host with the key that is there already is the one, wherever it is: it is not made a second time in another place.
    async fn only_where_it_is(&self, name: &HostName, places: &mut Vec<Place>) -> Outcome<()> {
        let Some(first) = places.first() else { return Ok(()) };
        let key = plan::read(self.context, self.args, name, self.user_data, first)?.key();
        let existing = tokio::select! {
            biased;
            () = self.interrupt.happened() => return Err(Failure::new(Exit::Interrupted, "nothing was created")),
            existing = places::existing(self.clouds, places, &key) => existing?,
        };
        if let Some(host) = existing
            && let Some(at) = places::place_of(places, &host)
        {
            let mut place = places.swap_remove(at);
            // The cheapest plan of that day is as good as that of today.
            if self.chooses_plan {
                place.plan = host.plan.or(place.plan);
            }
            *places = vec![place];
        }
        Ok(())
    }

    /// Says what came of it, and waits if that was asked for.
    async fn made(
        &self,
        cloud: &Cloud,
        host: &BasicHost,
        created: ProvisionedHost,
        timer: &TokioTimer,
    ) -> Outcome<Ended> {
        let info = cloud.provisioner.info();
        let shown = id::shown(info.id, &created.id);
        let document = self.prices.document(&created);
        // The id is on stderr before anything else can fail, a full disk behind stdout for one.
        say(&match created.origin {
            Some(Origin::Adopted | Origin::AdoptedDifferent) => {
                format!("{shown} exists already: nothing was created")
            }
            _ => format!("created {shown}"),
        });
        if created.origin == Some(Origin::AdoptedDifferent) {
            let failure = different::different(self.context, host, &created);
            return Ok(Ended::failed(Some(document), failure));
        }
        if !self.args.wait && self.args.wait_for.is_empty() {
            let command = self.context.host_command("wait", info.id, &created.id, &[]);
            hint(&format!("wait until it is active: {command}"));
            say_how_to_delete(self.context, &created);
            return Ok(Ended::well(document));
        }
        let timeout = self.args.timeout.map_or(WAIT_TIMEOUT, |timeout| timeout.0);
        let left = timeout.saturating_sub(timer.now());
        let watch = Watch {
            context: self.context,
            info,
            id: created.id.clone(),
            repeat: repeated(&self.args.wait_for).collect(),
            gone_is_fine: false,
            limit: duration::short(timeout),
            wait_for: &self.args.wait_for,
            timer,
            until: timeout,
        };
        let wait = Wait::until_active(&*cloud.provisioner, created.id.clone(), timer, cloud.pace(left));
        Ok(watch.run(wait.created(created), self.interrupt, Failure::from).await)
    }
}

/// Removes what was made for a host that is made elsewhere now.
async fn leave(cloud: &Cloud, host: &BasicHost) {
    let region = host.region.clone().map_or(RegionFilter::Default, RegionFilter::Only);
    if let Err(error) = cloud.provisioner.delete_leftovers(&host.key(), &region).await {
        warn(&format!("what was made for {} before may be left: {error}", host.name));
    }
}

fn say_how_to_delete(context: &Context, created: &ProvisionedHost) {
    let command = context.host_command("delete", created.provider, &created.id, &["--wait"]);
    hint(&format!("delete it: {command}"));
}
