namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>Where events are published besides the feed: a broker.</summary>
internal interface IEventSink : IAsyncDisposable
{
    /// <summary>Its name: in metrics, in the log, and of its cursor in the database, so it never changes.</summary>
    string Name { get; }

    /// <summary>
    /// Publishes events, those with the same partition key in order: after a failure the broker has the first ones of each key, and the others can be
    /// published again.
    /// </summary>
    /// <param name="events">The events.</param>
    /// <param name="confirmed">
    /// Called, from any thread, for each event that the broker has confirmed: for all of them if this succeeds, and for some of them before it fails.
    /// </param>
    /// <param name="cancellationToken">Ends it, as a failure.</param>
    /// <exception cref="SinkUnsupportedException">There is nothing that could ever take the events.</exception>
    Task PublishAsync(IReadOnlyList<CloudEvent> events, Action<CloudEvent> confirmed, CancellationToken cancellationToken);
}

/// <summary>A sink that this environment does not have: trying again is of no use until somebody changes that.</summary>
internal sealed class SinkUnsupportedException(string message, Exception? inner = null) : Exception(message, inner);
