//! AWS Lambda: functions, their execution environments and the asynchronous queue.
