//! The token of a tunnel. One that is made here is kept in a file: the same command finds it again, whatever became of the
//! first one, and the client reads it from there.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use provision_exit_server::AuthToken;

use crate::{
    args::{Globals, InletsCreateArgs},
    failure::{Failure, Outcome},
    files,
    id::quoted,
};

/// A token and where a client finds it.
pub(super) struct Token {
    pub(super) token: AuthToken,
    pub(super) file: Option<PathBuf>,
}

impl Token {
    /// The token that the options give, or that an earlier command made for this name, or a new one, which is kept.
    pub(super) fn of(args: &InletsCreateArgs, globals: &Globals, provider: &str, name: &str) -> Outcome<Self> {
        if let Some(token) = &args.inlets_token {
            let token = AuthToken::new(token)?;
            return Ok(Self { token, file: None });
        }
        let kept = match &args.inlets_token_file {
            Some(file) => file.clone(),
            None => kept(globals, provider, name)?,
        };
        if args.inlets_token_file.is_none() && !args.dry_run {
            make(&kept)?;
        }
        let token = if args.dry_run && args.inlets_token_file.is_none() && !kept.exists() {
            random()?
        } else {
            AuthToken::new(&files::read_secret(&kept)?)
                .map_err(|invalid| Failure::usage(format!("{}: {invalid}", kept.display())))?
        };
        let file = Some(fs::canonicalize(&kept).unwrap_or(kept));
        Ok(Self { token, file })
    }

    /// The client's option for it.
    pub(super) fn option(&self) -> String {
        match &self.file {
            Some(file) => file_option(file),
            None => format!("--token={}", quoted(self.token.expose())),
        }
    }
}

/// The client's option for a token in a file.
pub(super) fn file_option(file: &Path) -> String {
    format!("--token-file={}", quoted(&file.display().to_string()))
}

/// Where the token of a name is kept.
pub(super) fn kept(globals: &Globals, provider: &str, name: &str) -> Outcome<PathBuf> {
    let folders = etcetera::choose_base_strategy().map_err(|error| {
        Failure::other("cannot find the user's state folder", &error).hint("give a token with --inlets-token-file")
    })?;
    // Windows has no folder for state.
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    let simulated = if globals.sim { "sim-" } else { "" };
    Ok(folder
        .join("provision/inlets")
        .join(format!("{simulated}{provider}-{name}.token")))
}

/// Makes a token in a file that only its owner can read, unless there is one.
fn make(path: &Path) -> Outcome<()> {
    let failed = |error: &io::Error| {
        Failure::other(format!("cannot keep the tunnel's token in {}", path.display()), error)
            .hint("give a token with --inlets-token-file")
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let token = random()?;
    match options.open(path) {
        Ok(mut file) => writeln!(file, "{}", token.expose()).map_err(|error| failed(&error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

fn random() -> Outcome<AuthToken> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(
            crate::failure::Exit::Error,
            format!("the system has no random numbers for a token: {error}"),
        )
        .hint("give a token with --inlets-token-file")
    })?;
    Ok(AuthToken::from_random(&bytes))
}
