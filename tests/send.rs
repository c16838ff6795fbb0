//! A message that a person writes in the console goes to a real server, and its answer comes to the screen.
#![cfg(target_os = "linux")]

use std::time::Duration;

#[path = "support/console.rs"]
mod console;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/home.rs"]
mod home;
#[path = "support/processes.rs"]
mod processes;

use console::Console;
use home::Home;

#[test]
fn a_message_to_the_demo_is_answered() {
    let home = Home::new();
    let mut console = Console::start(&home, &["demo", "--scenario", "green", "--pace", "0.2"], (140, 40), &[]);
    console.until_shown("agents is connected");
    // A typed text, variable and all: the server runs an agent for it.
    console.keys("M");
    console.until_shown("send on agents");
    console.keys(r#"{"type":"start_agent","payload":{"user_request":"${now}"}}"#);
    console.until_shown("sends a text of");
    console.keys("\x13");
    console.until_shown("completed after");
    // The timeline shows the run, and what the server has answered.
    console.keys("\r");
    console.until_shown("agent runs 1");
    console.keys("/type:agent_completed\r");
    console.until_shown("1 of the newest");
    // A ping comes back, and a close frame ends the connection for good.
    console.keys("\x1b");
    console.until_shown("agent_started");
    console.keys("M");
    console.until_shown("connected  ws://");
    console.keys("/close 4001 bye");
    console.until_shown("sends a close frame, 4001");
    console.keys("\x13");
    console.until("the timeline again", |shown| (!shown.text().contains("send on agents")).then_some(()));
    console.keys("M");
    console.until_shown("not connected  ws://");
    console.keys("\x1b");
    console.until("the timeline again", |shown| (!shown.text().contains("send on agents")).then_some(()));
    console.keys("q");
    assert_eq!(console.ended().exit_code(), 0);
    assert_eq!(console.is_restored(), Ok(()));
    processes::until_none_is_left(home.mark(), Duration::from_secs(5));
    assert_eq!(gate::read(&console.shown().bytes).strange, Vec::<String>::new());
}
