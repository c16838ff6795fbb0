//! Other tools' words into ours: pure, one tool a file.

<<<<<<< HEAD
pub mod deploy_step;
pub mod health;
=======
pub mod redact;
>>>>>>> part/proc
pub mod sanitize;
