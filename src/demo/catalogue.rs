//! The suite as a table: eight modules, sixty tests, and what each of them checks.

use super::{bench::Place, checks::Check};

/// A file of tests; one child process runs it.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    tests: &'static [(&'static str, Check)],
}

/// One test, where it is said to stand, and what it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Test {
    pub(super) file: &'static str,
    pub(super) name: &'static str,
    pub(super) line: usize,
    pub(super) check: Check,
}

impl Test {
    /// The test's stable identity.
    pub(super) fn id(&self) -> String {
        format!("{}::{}", self.file, self.name)
    }
}

impl Module {
    pub(super) fn named(name: &str) -> Option<&'static Module> {
        MODULES.iter().find(|module| module.name == name)
    }

    pub(super) fn tests(&self) -> impl Iterator<Item = Test> {
        // A header of imports, then a function of a few lines each.
        let placed = self.tests.iter().enumerate();
        placed.map(|(at, &(name, check))| Test { file: self.file, name, line: 15 + 8 * at, check })
    }
}

/// All modules, the longest first, so that a whole run ends soon.
pub(super) const MODULES: [Module; 8] = [
    Module {
        name: "priority1_critical",
        file: "tests/e2e/test_priority1_critical.py",
        tests: &[
            ("test_001_websocket_connection_real", Check::Connect),
            ("test_002_websocket_authentication_real", Check::Connect),
            ("test_003_concurrent_connections_real", Check::Many),
            ("test_004_agent_discovery_real", Check::Get(Place::Backend, "/api/agents")),
            ("test_005_agent_configuration_real", Check::Get(Place::Backend, "/api/agents/config")),
            ("test_006_agent_streaming_capabilities_real", Check::Get(Place::Backend, "/api/chat/stream")),
            ("test_007_agent_performance_real", Check::Fast),
            ("test_008_message_persistence_real", Check::Persist),
            ("test_009_thread_creation_real", Check::Post("/api/threads")),
            ("test_010_agent_lifecycle_management_real", Check::Run),
            ("test_011_streaming_partial_results_real", Check::Run),
            ("test_012_critical_event_delivery_real", Check::Critical),
        ],
    },
    Module {
        name: "1_websocket_events",
        file: "tests/e2e/test_1_websocket_events.py",
        tests: &[
            ("test_health_check", Check::Get(Place::Backend, "/health")),
            ("test_websocket_connection", Check::Connect),
            ("test_api_endpoints_for_agents", Check::Get(Place::Backend, "/api/agents")),
            ("test_websocket_event_flow_real", Check::Critical),
            ("test_tool_event_pairs_real", Check::ToolPairs),
            ("test_concurrent_websocket_real", Check::Many),
        ],
    },
    Module {
        name: "3_agent_pipeline",
        file: "tests/e2e/test_3_agent_pipeline.py",
        tests: &[
            ("test_real_agent_discovery", Check::Get(Place::Backend, "/api/agents")),
            ("test_real_agent_configuration", Check::Get(Place::Backend, "/api/agents/config")),
            ("test_real_agent_pipeline_execution", Check::Run),
            ("test_real_agent_lifecycle_monitoring", Check::Run),
            ("test_real_tool_dispatch", Check::Critical),
            ("test_real_pipeline_error_handling", Check::Unknown),
            ("test_real_pipeline_metrics", Check::Get(Place::Backend, "/api/metrics")),
        ],
    },
    Module {
        name: "2_message_flow",
        file: "tests/e2e/test_2_message_flow.py",
        tests: &[
            ("test_message_endpoints", Check::Post("/api/messages")),
            ("test_real_message_api_endpoints", Check::Get(Place::Backend, "/api/messages")),
            ("test_real_websocket_message_flow", Check::PingPong),
            ("test_real_thread_management", Check::Persist),
            ("test_real_thread_switching", Check::Get(Place::Backend, "/api/threads")),
            ("test_real_thread_history", Check::Get(Place::Backend, "/api/threads/default/history")),
            ("test_real_message_ordering", Check::Run),
            ("test_real_error_handling_flow", Check::Unknown),
        ],
    },
    Module {
        name: "6_failure_recovery",
        file: "tests/e2e/test_6_failure_recovery.py",
        tests: &[
            ("test_basic_functionality", Check::Get(Place::Backend, "/health")),
            ("test_failure_detection", Check::Unknown),
            ("test_retry_strategies", Check::Run),
            ("test_circuit_breaker", Check::Skip("the circuit breaker is not in staging yet")),
            ("test_graceful_degradation", Check::Get(Place::Frontend, "/")),
            ("test_stream_recovery", Check::Reconnect),
            ("test_agent_stop", Check::Post("/api/agents/stop")),
        ],
    },
    Module {
        name: "priority2_high",
        file: "tests/e2e/test_priority2_high.py",
        tests: &[
            ("test_026_jwt_authentication_real", Check::Token),
            ("test_027_oauth_google_login_real", Check::ExpectedFailure("staging wants a real OAuth token")),
            ("test_028_token_refresh_real", Check::Token),
            ("test_029_token_expiry_real", Check::ExpiredToken),
            ("test_030_session_security_real", Check::UnknownToken),
            ("test_031_cors_policy_real", Check::Get(Place::Auth, "/health")),
            ("test_032_rate_limiting_real", Check::Literals { target: 85, limit: 100 }),
            ("test_033_websocket_security_real", Check::Connect),
        ],
    },
    Module {
        name: "7_startup_resilience",
        file: "tests/e2e/test_7_startup_resilience.py",
        tests: &[
            ("test_basic_functionality", Check::Get(Place::Backend, "/health")),
            ("test_startup_sequence", Check::Get(Place::Backend, "/health/ready")),
            ("test_dependency_validation", Check::Get(Place::Backend, "/api/discovery/services")),
            ("test_cold_start_performance", Check::Literals { target: 872, limit: 1_000 }),
            ("test_startup_failure_handling", Check::Skip("needs an environment of its own")),
            ("test_health_check_endpoints", Check::Get(Place::Auth, "/health/ready")),
            ("test_version_endpoints", Check::Get(Place::Frontend, "/api/version")),
        ],
    },
    Module {
        name: "connectivity",
        file: "tests/e2e/test_connectivity.py",
        tests: &[
            ("test_001_http_connectivity", Check::Get(Place::Backend, "/health")),
            ("test_002_websocket_connectivity", Check::Reach),
            ("test_003_agent_request_pipeline", Check::Run),
            ("test_004_generate_connectivity_report", Check::Report),
            ("test_005_frontend_connectivity", Check::Get(Place::Frontend, "/health")),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_test_has_an_identity_of_its_own() {
        let ids: Vec<String> = MODULES.iter().flat_map(Module::tests).map(|test| test.id()).collect();
        assert_eq!(ids.len(), 60);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert_eq!(ids[0], "tests/e2e/test_priority1_critical.py::test_001_websocket_connection_real");
    }

    #[test]
    fn a_module_is_found_by_its_name() {
        assert_eq!(Module::named("connectivity").map(|module| module.tests().count()), Some(5));
        assert!(Module::named("no_such_module").is_none());
    }
}
