/* The polkit actions that methods of org.pclass ask for. Each is declared in org.pclass.policy; tests compare the two. */
#pragma once

#define ACTION_RULES_MODIFY "org.pclass.rules.modify"
#define ACTION_CLASSES_MODIFY "org.pclass.classes.modify"
#define ACTION_PROCESSES_MOVE "org.pclass.processes.move"
#define ACTION_PROCESSES_INSPECT "org.pclass.processes.inspect"
#define ACTION_DAEMON_CONTROL "org.pclass.daemon.control"
