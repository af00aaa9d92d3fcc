using PointSystem.Local.Cluster;

namespace PointSystem.Local.Gateway;

/// <summary>Passes the web server's own log on to the merged one.</summary>
internal sealed class ClusterLogProvider(ClusterLog log) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Logger(log, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(ClusterLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log.Write(ClusterLog.Gateway, $"{logLevel}: {category}: {formatter(state, exception)} {exception?.Message}".TrimEnd());
            }
        }
    }
}
