//! The integration tests, in one binary so that they link once.
//!
//! Where does a new test go? Into the file beside the code if it needs no file, socket or process; here otherwise.

#[cfg(test)]
mod governance;
