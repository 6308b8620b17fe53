// Command exporter walks the certifications of a SailPoint Identity Security
// Cloud tenant, proves that it saw all of each, keeps what changed in Postgres
// and renders what changed for people who open spreadsheets.
//
//	exporter run        one night: walk, store, seal, compare, render
//	exporter report     render a stored run again
//	exporter diff       what changed between two runs
//	exporter runs       the runs so far
//	exporter verify     prove that a report or the stored history is as it was sealed
//	exporter prune      remove what retention.keep no longer keeps
//	exporter hold       put a run under legal hold; release ends it
//	exporter erase-person  take a person out of the history
//	exporter reassign   hand review items to another reviewer
//	exporter get        one list of the API as it stands now
//	exporter check      what a run needs, looked at without changing anything
//	exporter migrate    bring the database up to date, or show how it stands
//	exporter psql       a psql session on the database
//	exporter demo       three nights of a simulated tenant, nothing needed
//	exporter simulate   the simulated tenant alone
//	exporter version
//
// Each command shows an example with -h. Results go to standard output, logs
// and progress to standard error.
//
// Exit status: 0 sealed and report written, or the command did what it says;
// 1 failed before the night could be sealed; 2 usage or configuration, nothing
// touched; 3 finished but PARTIAL, report written and marked so, or a list that
// get read is not proved; 4 another run holds the lock; 5 verification found a
// difference; 6 night stored and sealed, report failed; 130 and 143 interrupted.
package main
