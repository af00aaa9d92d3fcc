using Microsoft.Extensions.Options;

namespace PointSystem.Notifications.Sending;

internal static class SendingExtensions
{
    /// <summary>Adds each channel that is configured, with a job of its own.</summary>
    public static void AddSenders(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<EmailOptions>().BindConfiguration(EmailOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<EmailOptions>, EmailOptionsValidator>();
        builder.Services.AddOptions<PushOptions>().BindConfiguration(PushOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<PushOptions>, PushOptionsValidator>();
        var email = builder.Configuration.GetSection(EmailOptions.SectionName);
        if (IsSet(email[nameof(EmailOptions.Host)]) || IsSet(email[nameof(EmailOptions.PickupDirectory)]))
        {
            builder.AddSender<EmailSender>();
        }

        if (IsSet(builder.Configuration.GetSection(PushOptions.SectionName)[nameof(PushOptions.Url)]))
        {
            builder.AddSender<PushSender>();
        }
    }

    private static void AddSender<TSender>(this WebApplicationBuilder builder)
        where TSender : class, INotificationSender
    {
        builder.Services.AddSingleton<INotificationSender, TSender>();
        builder.Services.AddSingleton<IHostedService>(services => ActivatorUtilities.CreateInstance<SendJobs>(
            services, new Func<INotificationSender>(() => ActivatorUtilities.CreateInstance<TSender>(services))));
    }

    private static bool IsSet(string? value) => !string.IsNullOrEmpty(value);
}
