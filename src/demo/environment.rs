//! Starting and stopping the environment: four servers on loopback ports that the system picks.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, sync::watch};

use super::{http, platform, scenario::Scenario, service::ServiceName, services, world::World};

/// A running staging environment. Dropping it stops its servers and closes their connections.
#[derive(Debug)]
pub struct Environment {
    /// The API and the WebSocket of the agents.
    pub backend: SocketAddr,
    /// Where tokens are issued.
    pub auth: SocketAddr,
    /// The page that people would see.
    pub frontend: SocketAddr,
    /// The deploy API.
    pub platform: SocketAddr,
    /// How much slower than usual everything happens; 0.1 is ten times faster.
    pub pace: f64,
    /// Every task of the environment watches this and ends with it.
    _alive: watch::Sender<()>,
}

/// Starts the environment as tasks of the current tokio runtime. `pace` scales every wait.
pub async fn start(scenario: Scenario, pace: f64) -> io::Result<Environment> {
    let (alive, ended) = watch::channel(());
    let pace = if pace.is_finite() { pace.clamp(0.01, 100.0) } else { 1.0 };
    let world = Arc::new(World::new(scenario, pace, ended));
    Ok(Environment {
        backend: open_service(&world, ServiceName::Backend).await?,
        auth: open_service(&world, ServiceName::Auth).await?,
        frontend: open_service(&world, ServiceName::Frontend).await?,
        platform: {
            let (listener, address) = listen().await?;
            let serving = world.clone();
            world
                .spawn(http::serve(listener, world.clone(), move |request| platform::answer(serving.clone(), request)));
            address
        },
        pace,
        _alive: alive,
    })
}

async fn open_service(world: &Arc<World>, name: ServiceName) -> io::Result<SocketAddr> {
    let (listener, address) = listen().await?;
    let serving = world.clone();
    world.spawn(http::serve(listener, world.clone(), move |request| services::answer(serving.clone(), name, request)));
    Ok(address)
}

async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
