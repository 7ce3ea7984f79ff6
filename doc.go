// Package autonoma holds the nouns of the system and the rules they obey.
//
// A [Request] is a development task that somebody asked for. It becomes a
// [Run], which executes a [Flow]: a graph of steps, each given to an [Agent].
// Working on a step is an [Execution]: five [Phase]s, from research to review,
// in a private workspace. Whatever happens on the way is appended to the log of
// the run as an [Event]; everything that is shown, streamed, resumed or proven
// is read from that log.
//
//	Request ──▶ Run ──follows──▶ Flow ──▶ Step ──worked on by──▶ Execution
//	             ▲                                                  │
//	             └──reads── Event log ◀──────────appends────────────┘
//
// This package imports only the standard library and does no I/O. Every other
// package may import it. Code that needs a database, a network or a process
// belongs below internal/.
package autonoma
